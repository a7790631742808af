"""What was kept of documents by an older version is read for ever."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from hundi.documents import issued
from hundi.documents.issued import Contents

GOLDEN = Path(__file__).parents[1] / "golden" / "documents"


def test_what_the_first_form_kept_is_read_and_says_the_same() -> None:
    """A column that is added later needs a default; one that goes away or changes its kind breaks every sent document."""
    kept = json.loads((GOLDEN / "issued-1.json").read_text(encoding="utf-8"))
    contents = msgspec.json.decode(json.dumps(kept), type=Contents)
    again = json.loads(msgspec.json.encode(contents))
    for part, before, after in (
        ("row", kept["row"], again["row"]), ("item", kept["items"][0], again["items"][0]),
        ("logo", kept["logo"], again["logo"]),
    ):  # fmt: skip
        assert {name: after.get(name) for name in before} == before, part
    assert issued.to_send(None, contents).contents == contents
