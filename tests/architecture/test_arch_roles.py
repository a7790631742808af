"""Which file of a capability may import what: design §2's table, as docs/decisions/0001-layers.md has it."""

from __future__ import annotations

import pytest
from sources import Module, modules, names

# The packages that are no capability: their files are named by what they do, and the layers alone bind them.
PLATFORM = {"kit", "db", "jobs", "http", "cli", "app", "registry", "config", "log", "__init__", "__main__"}

# For each kind of file: the platform it may use, the files of its own capability, and those of a lower capability.
# "*" among the files stands for nouns of the trade (gst.numbers, payments.upi): pure or not, the layers bind them.
KIT = {"kit"}
TABLE: dict[str, tuple[set[str], set[str], set[str]]] = {
    "errors": (KIT, set(), {"errors"}),
    "rows": (KIT, {"rules"}, {"rules", "rows"}),
    "rules": (KIT, {"errors", "rules"}, {"rules", "pure"}),
    "lifecycle": (KIT | {"db"}, {"rules", "rows", "errors", "*"}, {"rules", "audit.service"}),
    "queries": (KIT | {"db"}, {"rows", "rules", "errors", "schemas"}, {"rules", "rows", "errors", "queries"}),
    "schemas": (KIT | {"http"}, {"rules", "rows", "schemas"}, {"rules", "rows", "schemas"}),
    "service": (
        KIT | {"db", "jobs"},
        {"rules", "rows", "errors", "queries", "lifecycle", "schemas", "service", "*"},
        {"rules", "rows", "errors", "queries", "service", "*"},
    ),
    "api": (
        KIT | {"db", "http", "jobs"},
        {"schemas", "service", "queries", "errors", "rules", "rows", "*"},
        {"guard", "errors", "rules", "api", "queries", "service", "files.store", "files.upload"},
    ),
    "jobs": (
        KIT | {"db", "jobs", "config"},
        {"service", "queries", "errors", "rules", "rows", "*"},
        {"service", "queries", "errors", "rules", "rows", "*"},
    ),
}  # fmt: skip
# pages.py of a capability is its api in HTML, where it has routes; documents.pages writes pages and routes nothing.

# Modules of arithmetic and decisions on plain values, besides every rules.py: no I/O, no clock.
PURE = {
    "gst.document", "gst.einvoice", "gst.einvoice_items", "gst.einvoice_parties", "gst.einvoice_travel",
    "gst.einvoice_values", "gst.findings", "gst.hsn", "gst.inv01", "gst.inv01_fields", "gst.inv01_reading", "gst.irn",
    "gst.numbers", "gst.rates", "gst.rulebook", "gst.shapes", "gst.signed", "gst.supply", "gst.tolerance", "gst.units",
    "invoices.amounts", "invoices.line_sums", "invoices.patching", "invoices.patch_fields",
    "payments.upi", "payments.rules", "audit.catalogue", "network.matching", "network.verdicts", "network.tds",
}  # fmt: skip

EXCEPTIONS: dict[tuple[str, str], str] = {
    ("imports.service", "http.idempotency"): "an import binds its key when the file is received (design §4.3)",
    ("auth.schemas", "auth.service"): "the reply of /oauth/token is built from what signing in issued",
    ("invoices.service", "http.wire"): "PATCH tells absent, null and value apart by the wire types of its own schema",
}


def kind_of(name: str) -> str:
    return name.rpartition(".")[2]


def governed() -> list[Module]:
    return [m for m in modules() if m.package not in PLATFORM and m.role in TABLE]


def allowed(module: Module, target: str) -> bool:
    platform, own, lower = TABLE[module.role]
    package = target.partition(".")[0]
    if package in PLATFORM:
        return package in platform
    files = own if package == module.package else lower
    kind = kind_of(target)
    if kind in files or target in files:
        return True
    if target in PURE:
        return "pure" in files or "*" in files or module.role in {"rules", "schemas", "queries", "api"}
    return "*" in files and kind not in TABLE


@pytest.mark.parametrize("module", governed(), ids=lambda m: m.name)
def test_a_file_imports_only_what_its_kind_may(module: Module) -> None:
    wrong = [t for t in sorted(module.imports()) if not allowed(module, t) and (module.name, t) not in EXCEPTIONS]
    assert wrong == [], f"{module.path.name} of {module.package} may not import these (design §2)"


def test_the_pure_modules_stay_pure() -> None:
    by_name = {module.name: module for module in modules()}
    for name in sorted(PURE & names()):
        wrong = {
            target for target in by_name[name].imports()
            if target.partition(".")[0] != "kit" and target not in PURE and kind_of(target) not in {"rules", "errors", "qr"}
        }  # fmt: skip
        assert wrong == set(), f"{name} is arithmetic on plain values"


def test_no_exception_is_left_over() -> None:
    by_name = {module.name: module for module in modules()}
    unused = [
        (name, target) for name, target in EXCEPTIONS
        if name not in by_name or target not in by_name[name].imports() or allowed(by_name[name], target)
    ]  # fmt: skip
    assert unused == [], "take these out of EXCEPTIONS: nothing needs them any more"


def test_only_the_registry_and_the_program_see_every_capability() -> None:
    """Nobody else lists them: whoever asks who calls this finds the answer in one of three files (style §3.17)."""
    for module in modules():
        if module.package in {"app", "registry", "cli"}:
            continue
        seen = {t.partition(".")[0] for t in module.imports()} - PLATFORM - {module.package, "auth", "audit"}
        assert len(seen) <= 6, f"{module.name} knows {sorted(seen)}: split it"


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("invoices.rules", "db.pool"),
        ("invoices.rules", "invoices.service"),
        ("customers.rules", "config"),
        ("invoices.rows", "invoices.queries"),
        ("invoices.queries", "invoices.service"),
        ("invoices.queries", "jobs.queue"),
        ("customers.service", "customers.api"),
        ("customers.service", "http.envelope"),
        ("dispatch.service", "invoices.schemas"),
        ("reminders.api", "customers.lifecycle"),
        ("dispatch.jobs", "http.envelope"),
        ("files.errors", "http.errors"),
        ("customers.schemas", "customers.service"),
    ],
)
def test_the_table_refuses_what_it_should(name: str, target: str) -> None:
    module = next(module for module in modules() if module.name == name)
    assert not allowed(module, target)
