"""`hundi bench`: run the benchmarks that stand in bench/ of a source checkout."""

import subprocess
import sys
from pathlib import Path

from hundi.cli.output import refuse


def run_benchmarks(name: str | None) -> None:
    """Run one benchmark, or all in turn; their tables and their last JSON line go to standard output."""
    folder = Path(__file__).resolve().parents[3] / "bench"
    # A file that is not to be run by itself is what others of the folder share.
    known = sorted(path.stem for path in folder.glob("*.py") if "\nif __name__ " in path.read_text(encoding="utf-8"))
    if not known:
        refuse("The benchmarks are part of a source checkout; this installation has none.")
    if name is not None and name not in known:
        refuse(f"There is no benchmark '{name}': use {', '.join(known)}.")
    for one in [name] if name else known:
        code = subprocess.run([sys.executable, str(folder / f"{one}.py")], check=False).returncode  # noqa: S603 - our own file
        if code:
            raise SystemExit(code)
