"""The page of decision records."""

from reference_pages.markdown import DOCS, NOTE, table


def decisions_page() -> str:
    """List the decision records by their titles."""
    rows = []
    for path in sorted((DOCS / "decisions").glob("*.md")):
        number, title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").split(" ", 1)
        rows.append((f"[{number}](../decisions/{path.name})", title))
    text = "What the design leaves open and how it was settled: context, decision, consequences, what was rejected.\n\n"
    return "# Decisions\n\n" + NOTE + text + table(("record", "what was decided"), rows)
