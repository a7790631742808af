"""What may not stand in the sources: floats near money, hidden clocks and chance, the environment, over-long code."""

from __future__ import annotations

import ast
import re

import pytest
from sources import Module, calls, modules, repository_files, text_of

LONGEST_FILE = 500
LONGEST_FUNCTION = 60

# Where a float is right: seconds to wait, points on paper. Never an amount.
FLOATS: dict[str, str] = {
    "db.embedded.postmaster": "seconds to wait for a process",
    "db.embedded.supervisor": "seconds since the operator was last told",
    "documents.sheet": "the size of type, in points",
}
# The machine's clock and its chance come from hundi.kit; here they name files and processes, which no test replays.
CLOCKS_AND_CHANCE: dict[str, str] = {
    "cli.keys": "the installation's secret key",
    "db.embedded.cluster": "names of half-written files, and the passwords of the three roles",
    "db.embedded.roles": "the salt of a database password",
    "dispatch.mailers": "the name of a half-written file",
    "imports.chunk": "the name of a file that only the attempt which commits will name",
    "imports.engine": "the same",
}
ENVIRONMENT: dict[str, str] = {
    "config": "the one reader of settings",
    "db.embedded.address": "XDG_RUNTIME_DIR: where a short socket folder may stand",
    "imports.parsing": "PATH, for the child that parses",
}
_CHANCE = re.compile(
    r"^(datetime\.(now|utcnow|today)|date\.today|time\.time|time\.time_ns|uuid\.uuid[147]|uuid[147]|random\.\w+"
    r"|secrets\.\w+|os\.urandom|os\.getrandom)$"
)
_PUT_OFF = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
_VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc", "base"}


def floats_of(module: Module) -> list[str]:
    """Give the lines that make a float or promise one."""
    found = [f"line {node.lineno}" for name, node in calls(module.tree) if name == "float"]
    for node in ast.walk(module.tree):
        annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
        if isinstance(annotation, ast.AST) and any(
            isinstance(part, ast.Name) and part.id == "float" for part in ast.walk(annotation)
        ):
            found.append(f"line {getattr(annotation, 'lineno', 0)}")
    return found


def chance_of(module: Module) -> list[str]:
    """Give the calls that ask the machine for the time or for chance."""
    # A generator with a seed that is handed about under the name `random` gives the same every time.
    whole_module = re.search(r"^import random$", module.text, re.MULTILINE)
    return [
        f"{name} line {node.lineno}"
        for name, node in calls(module.tree)
        if _CHANCE.match(name) and (whole_module or not name.startswith("random."))
    ]


def environment_of(module: Module) -> list[str]:
    """Give the lines that read the process's environment."""
    return [
        f"line {node.lineno}"
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv", "environb"})
        or (isinstance(node, ast.Name) and node.id in {"environ", "getenv"})
    ]


@pytest.mark.parametrize("module", modules(), ids=lambda m: m.name)
def test_no_float_comes_near_money(module: Module) -> None:
    assert module.name in FLOATS or floats_of(module) == [], "money is Decimal; seconds and points go on the list"


def test_amounts_have_no_way_out_of_decimal() -> None:
    """On the list of floats stands nothing that computes, stores or prints an amount."""
    for name in FLOATS:
        assert name.partition(".")[0] not in {"kit", "gst", "invoices", "customers", "payments", "sellers", "imports"}


@pytest.mark.parametrize("module", [m for m in modules() if m.package != "kit"], ids=lambda m: m.name)
def test_time_and_chance_come_from_the_kit(module: Module) -> None:
    assert module.name in CLOCKS_AND_CHANCE or chance_of(module) == [], "use Clock, new_id or new_secret of hundi.kit"


@pytest.mark.parametrize("module", modules(), ids=lambda m: m.name)
def test_only_the_settings_read_the_environment(module: Module) -> None:
    assert module.name in ENVIRONMENT or environment_of(module) == [], "hundi.config reads it once and hands it down"


def test_no_exception_on_the_lists_is_left_over() -> None:
    sources = {module.name: module for module in modules()}
    for name in FLOATS:
        assert floats_of(sources[name]), f"{name} has no float any more: take it off the list"
    for name in CLOCKS_AND_CHANCE:
        assert chance_of(sources[name]), f"{name} makes nothing up any more: take it off the list"
    for name in ENVIRONMENT:
        assert environment_of(sources[name]), f"{name} reads no environment any more: take it off the list"


@pytest.mark.parametrize("module", modules(), ids=lambda m: m.name)
def test_files_and_functions_stay_short(module: Module) -> None:
    lines = module.text.count("\n")
    assert lines <= LONGEST_FILE, f"{module.path.name} has {lines} lines: split it by verb"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{module.name}.{node.name} has {length} lines"


@pytest.mark.parametrize("module", modules(), ids=lambda m: m.name)
def test_names_say_what_a_file_is_for(module: Module) -> None:
    assert not _VAGUE_NAMES & set(module.name.split(".")), "name it by the trade"


@pytest.mark.parametrize("module", modules(), ids=lambda m: m.name)
def test_every_module_and_public_name_promises_something(module: Module) -> None:
    if module.package == "db" and "versions" in module.name.split("."):
        return
    assert ast.get_docstring(module.tree), f"{module.name} has no docstring"
    for node in module.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{module.name}.{node.name} has no docstring"


@pytest.mark.parametrize("module", modules(), ids=lambda m: m.name)
def test_nothing_is_swallowed_or_put_off(module: Module) -> None:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler):
            broad = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}
            )
            idle = all(isinstance(part, ast.Pass | ast.Continue) for part in node.body)
            assert not (broad and idle), f"{module.name} line {node.lineno} swallows every error"
        if isinstance(node, ast.Name):
            assert node.id != "NotImplementedError", f"{module.name} line {node.lineno} is not finished"


def test_no_file_puts_anything_off() -> None:
    found = []
    for path in repository_files():
        text = text_of(path)
        if text is not None and path.suffix in {".py", ".sql", ".md", ".toml", ".html", ".typ", ".mjml", ".css", ".js"}:
            found += [f"{path.name}: {match.group()}" for match in _PUT_OFF.finditer(text)]
    assert found == []


def test_exceptions_from_the_tools_carry_a_code_and_a_reason() -> None:
    for module in modules():
        for number, line in enumerate(module.text.splitlines(), 1):
            if "# noqa" in line:
                assert re.search(r"# noqa: [A-Z]+\d+(?:, ?[A-Z]+\d+)* - \S", line), f"{module.name} line {number}: why?"
            if "type: ignore" in line:
                excuse = r"# type: ignore\[[a-z-]+(?:, ?[a-z-]+)*\] +# \S"
                assert re.search(excuse, line), f"{module.name} line {number}: why?"
            assert "pragma: no cover" not in line, f"{module.name} line {number}"


def test_the_repository_knows_no_machine_and_no_registry() -> None:
    """Lock files carry hashes and no addresses; paths of one machine mean nothing on another."""
    # Written in pieces, so that this file does not find itself.
    machine = "|".join(("/wo" + "rk/(?!flows)", "/ho" + "me/[a-z]+/", "/opt/" + "(?:wheels|pypi)", "/mnt/" + "data"))
    registry = r"https?://[^\s\"')]*(?:" + "|".join(("py" + r"pi\.", "python" + "hosted", "npm" + r"js\.")) + ")"
    for path in repository_files():
        text = text_of(path)
        if text is not None and path.name != "LICENSE":
            match = re.search(f"{machine}|{registry}", text)
            assert match is None, f"{path.name}: {match.group() if match else ''}"
