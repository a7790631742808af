"""The documentation is current, its links lead somewhere, and what it names exists."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from sources import ROOT, repository_files

from hundi.config import PREFIX, load
from hundi.db.embedded import Urls

PAGES = sorted(path for path in repository_files() if path.suffix == ".md")
# Variables of the tests, not of the server.
OF_THE_TESTS = {"HUNDI_TEST_PG_BIN"}


@pytest.fixture(scope="module")
def named(generate: ModuleType) -> set[str]:
    """Give the names of all commands."""
    del generate  # what loads the modules beside it
    return {name for name, _ in importlib.import_module("reference_pages.commands").commands()}


@pytest.fixture(scope="module")
def generate() -> Iterator[ModuleType]:
    """Load docs/generate.py, which is a script and in no package; what it imports stands beside it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "docs")
        yield importlib.import_module("generate")


async def test_the_reference_is_current(generate: ModuleType, database_urls: Urls) -> None:
    wanted = await generate.pages(database_urls.owner)
    assert [path.name for path in generate.stale(wanted)] == [], "run `make docs`"
    assert len(wanted) == 9
    assert all(len(text.splitlines()) > 20 for text in wanted.values())


def test_there_are_pages() -> None:
    names = {str(path.relative_to(ROOT)) for path in PAGES}
    assert {"README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/quickstart.md", "docs/operate/backup.md"} <= names


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "#")):
            assert (page.parent / target.partition("#")[0]).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_settings_that_are_named_exist(page: Path) -> None:
    for name in set(re.findall(rf"\b{PREFIX}[A-Z][A-Z_]*[A-Z]", page.read_text(encoding="utf-8"))) - OF_THE_TESTS:
        assert hasattr(load({}), name.removeprefix(PREFIX).lower()), f"{page.name}: {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_that_are_named_exist(page: Path, named: set[str]) -> None:
    for words in re.findall(r"(?:`|^|bin/)(hundi(?: [a-z][a-z-]*)+)", page.read_text(encoding="utf-8"), re.MULTILINE):
        parts = words.split()
        found = any(" ".join(parts[:at]) in named for at in range(2, len(parts) + 1))
        assert found, f"{page.name}: {words}"


def test_decisions_are_numbered_and_say_what_was_rejected() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [path.name[:4] for path in records] == [f"{at:04d}" for at in range(1, len(records) + 1)]
    for path in records:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {path.name[:4]} "), path.name
        for part in ("## Context", "## Decision", "## Consequences", "## Rejected"):
            assert part in text, f"{path.name}: {part}"


def test_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"setup", "run", "test", "check", "fix", "bench", "docs", "soak"} <= targets
    for page in PAGES:
        for name in re.findall(r"(?:`|^)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert name in targets, f"{page.name}: make {name}"
