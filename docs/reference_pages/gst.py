"""The page of the rules of GST: what each says, how it counts, and who else uses it."""

import ast
import re
from collections import defaultdict
from typing import Final

from hundi.gst.document import ITEM_VALUE_TYPES, OTHER_VALUE_TYPES, RATE_TYPES
from hundi.gst.findings import LEFT_OUT
from hundi.gst.rulebook import RULES, Rule, Weight
from reference_pages.markdown import NOTE, SOURCE, table


def gst_page() -> str:
    """List every rule that invoices and notes between businesses are held against."""
    places, shapes = rule_places(), codes_of(SHAPES) | {"AMOUNT_TOO_PRECISE"}
    rows = [
        (
            f"`{rule.code}`", rule.weight.value, rule.nic or "", on_the_network(rule, shapes),
            ", ".join(sorted(places.get(rule.code, ()))), re.sub(r"\{\w+\}", "…", rule.sentence),
        )
        for rule in RULES.values()
    ]  # fmt: skip
    return (
        "# GST rules\n\n"
        + NOTE
        + "Invoices, credit notes and debit notes between businesses are held against these rules, all of them at once. "
        "A rule that is an error in an e-invoice is a warning elsewhere. The portal's number is that of the invoice "
        "registration portal's error of the same meaning, after public re-prints of its list; where none is given, none "
        "was found. Amounts agree when the sent one lies from floor(v) - 1 to ceil(v) + 1 of the computed one.\n\n"
        "An invoice or note that is sent or edited over the network (`req-send-invoice`, `req-edit-invoice`, `cd-note/req-send`) "
        "is an e-invoice when it carries an IRN. Its errors are a 400 with the JSON path, our code and the portal's number (`nic`); "
        "warnings stand in the reply's `warnings`. *Also used by* names the other parts of Hundi that hold a document against the same "
        "rule with the same code. The network's copy may leave out what the portal has: what is missing is a warning. In a sandbox "
        "(`HUNDI_NETWORK_SANDBOX`) a GSTIN that only looks like one is a warning. With `HUNDI_IRP_KEYS` what a portal has signed "
        "(`einvoiceResponse`) is verified and compared: codes `SIGNATURE_INVALID`, `SIGNED_FORMAT`, `SIGNED_DATA`, `QR_DIFFERS` and "
        "`QR_IRN_WRONG`.\n\n"
        + table(("code", "counts as", "portal's number", "on the network", "also used by", "what it says"), rows)
        + "\n## Names of amounts\n\nThe network's pages leave the types of typed amounts open; these are read. Another makes "
        "`VALUE_TYPE_UNKNOWN` of its line or of the totals, whose amounts then cannot be compared.\n\n"
        + table(
            ("where", "types"),
            [
                ("`itemLists[].itemValueDetails[].type`", ", ".join(ITEM_VALUE_TYPES)),
                ("`itemLists[].rates[].type`", ", ".join(RATE_TYPES)),
                ("`valueDetails.otherValues[].type`", ", ".join(OTHER_VALUE_TYPES)),
            ],
        )
    )


SHAPES: Final = {
    "einvoice_travel": None, "shapes": None, "hsn": None, "einvoice_items": {"_check_names"},
    "einvoice_parties": {"_check_pin"},
}  # fmt: skip
"""The modules of hundi.gst, and the functions in them, that look at shapes: a copy that is no e-invoice is spared them."""


def codes_of(modules: dict[str, set[str] | None]) -> set[str]:
    """Give the rules that stand in these modules of hundi.gst, or in these functions of them."""
    return {
        code
        for module, functions in modules.items()
        for name, codes in functions_of(module).items()
        if functions is None or name in functions
        for code in codes
    }


def functions_of(module: str) -> dict[str, set[str]]:
    """Give the rules each function of a module of hundi.gst names."""
    tree = ast.parse((SOURCE / "gst" / f"{module}.py").read_text(encoding="utf-8"))
    return {
        node.name: {
            part.value
            for part in ast.walk(node)
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value in RULES
        }
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


def rule_places() -> dict[str, set[str]]:
    """Give the packages that use each rule outside the network: by the functions of hundi.gst (and the GSTIN's) they import."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(SOURCE.rglob("*.py")):
        package = path.relative_to(SOURCE).parts[0]
        if package in {"gst", "network", "kit", "cli"}:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hundi.gst."):
                known = functions_of((node.module or "").removeprefix("hundi.gst."))
                codes = {
                    code
                    for alias in node.names
                    for code in TOLD_SHORTLY.get(alias.name) or known.get(alias.name) or set()
                }
            elif isinstance(node, ast.ImportFrom) and node.module == "hundi.kit.gstin":
                codes = {code for code in RULES if code.startswith("GSTIN_") and code != "GSTIN_MISSING"}
            else:
                continue
            for code in codes:
                found[code].add(FRONTS.get(package, package))
    return found


TOLD_SHORTLY: Final = {
    "is_hsn": {"HSN_FORMAT", "HSN_CHAPTER_UNKNOWN"}, "fits_rule_46b": {"NUMBER_OVER_16", "NUMBER_CHARACTERS", "NUMBER_START"},
}  # fmt: skip
"""Functions that answer yes or no for rules whose codes stand elsewhere."""
FRONTS: Final = {
    "invoices": "API",
    "imports": "files",
    "documents": "PDF",
    "customers": "customers",
    "sellers": "registrations",
}


def on_the_network(rule: Rule, shapes: set[str]) -> str:
    """Say how a rule counts in a document on the network."""
    if rule.code in LEFT_OUT:
        return "warning"
    if rule.weight is Weight.STRICT:
        return "error with an IRN" if rule.code in shapes else "error with an IRN, else warning"
    return rule.weight.value
