"""The page of errors: refusals, and the codes of single fields."""

import ast
import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from hundi.kit.errors import Refusal
from reference_pages.markdown import NOTE, SOURCE, table

CODE: Final = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
PROBLEMS: Final = frozenset(
    {"ApiSubError", "AttachmentRefused", "FieldProblem", "NotADate", "NotAGstin", "NotAnAmount", "WireValueError", "refuse",
     "tell"}
)  # fmt: skip
"""What makes the problem of one field, or of a file: their codes stand in the reference."""


def refusals() -> list[type[Refusal]]:
    """Give every refusal of the package, by status and code."""
    for found in pkgutil.walk_packages([str(SOURCE)], "hundi."):
        if not found.name.endswith("__main__") and ".migrations" not in found.name:
            importlib.import_module(found.name)
    kinds: set[type[Refusal]] = set()
    waiting: list[type[Refusal]] = [Refusal]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            if kind.__module__.startswith("hundi.") and kind not in kinds:
                kinds.add(kind)
                waiting.append(kind)
    return sorted(kinds, key=lambda kind: (kind.status, kind.code))


def field_codes() -> dict[str, set[str]]:
    """Give the codes of single fields and the packages that use each.

    A code is the text in capitals among the first two arguments of what makes a problem (:data:`PROBLEMS`), or the
    beginning of a pair of code and sentence that a function gives back, or a constant that is called as it reads.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            candidates: Sequence[ast.expr] = ()
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                candidates = node.args[:2] if name in PROBLEMS else ()
            elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
                first, second = node.value.elts
                is_pair = isinstance(second, ast.JoinedStr | ast.IfExp) or _sentence(second)
                candidates = (first,) if is_pair else ()
            elif isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Constant):
                candidates = (node.value,) if getattr(node.target, "id", None) == node.value.value else ()
            for code in candidates:
                if isinstance(code, ast.Constant) and isinstance(code.value, str) and CODE.fullmatch(code.value):
                    found[code.value].add(path.relative_to(SOURCE).parts[0])
    return found


def _sentence(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value


def errors_page() -> str:
    """List every refusal with its status, and every code of a field."""
    rows = [
        (f"`{kind.code}`", kind.status, kind.error_type.value, (kind.__doc__ or "").strip().splitlines()[0])
        for kind in refusals()
    ]
    fields = [(f"`{code}`", ", ".join(sorted(places))) for code, places in sorted(field_codes().items())]
    return (
        "# Errors\n\n"
        + NOTE
        + "A request that is not accepted is answered with `response_code` 1, a `response_message` "
        "that says what to do, and an `errorResponse` with one entry in `apiSubErrors` for each wrong field. The status "
        "says what kind of failure it is; 503 may be tried again after `Retry-After`, 500 is a bug and carries the "
        "request id to report.\n\n## Refusals\n\n"
        + table(("code", "HTTP status", "errorType", "what it says"), rows)
        + "\n## Codes of single fields\n\nThey stand in `apiSubErrors[].code` and, for files, in the column `error_code` "
        "of the failure file. The same code may be a warning where the rules allow it. Those of documents between "
        "businesses: [GST rules](gst-rules.md).\n\n" + table(("code", "raised by"), fields)
    )
