"""The source tree as the architecture tests read it: every module once, as text and as a syntax tree."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
FOUNDATION = SOURCE / "hundi" / "db" / "migrations" / "versions"


@dataclass(frozen=True)
class Module:
    """One Python file: ``name`` is its dotted name below ``hundi`` (``invoices.service``)."""

    name: str
    path: Path
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree: made when a test asks for it, and not by every process that only lists the tests."""
        return ast.parse(self.text, str(self.path))

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    @property
    def role(self) -> str:
        """The file's own name, which says what may stand in it."""
        return self.name.rpartition(".")[2]

    def imports(self) -> set[str]:
        """Give the dotted names below ``hundi`` of all modules of ours that this one imports, lazily or not."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.name} line {node.lineno}: imports are absolute"
                if node.module == "hundi":
                    found |= {alias.name for alias in node.names}
                elif node.module is not None and node.module.startswith("hundi."):
                    base = node.module.removeprefix("hundi.")
                    found |= {f"{base}.{a.name}" if f"{base}.{a.name}" in names() else base for a in node.names}
            elif isinstance(node, ast.Import):
                found |= {a.name.removeprefix("hundi.") for a in node.names if a.name.startswith("hundi.")}
        return found - {"__version__"}


def _dotted(path: Path) -> str:
    parts = path.relative_to(SOURCE / "hundi").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


@cache
def names() -> frozenset[str]:
    return frozenset(_dotted(path) for path in (SOURCE / "hundi").rglob("*.py"))


@cache
def modules() -> tuple[Module, ...]:
    """Give every module of the package, migrations included, in order of name."""
    paths = sorted((SOURCE / "hundi").rglob("*.py"))
    return tuple(Module(_dotted(path), path, path.read_text(encoding="utf-8")) for path in paths)


@cache
def repository_files() -> tuple[Path, ...]:
    """Give every file that is committed or could be: what git lists and does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    return tuple(sorted(path for path in paths if path.is_file()))


def text_of(path: Path) -> str | None:
    """Give a file's text, or None when it is not text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def calls(tree: ast.AST) -> list[tuple[str, ast.Call]]:
    """Give every call with the dotted name of what is called (``datetime.now``), as far as it is a name."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            parts = []
            target = node.func
            while isinstance(target, ast.Attribute):
                parts.append(target.attr)
                target = target.value
            if isinstance(target, ast.Name):
                parts.append(target.id)
                found.append((".".join(reversed(parts)), node))
    return found
