"""What became of each row of a chunk, and which keys of the file earlier rows of it have taken (domain §10, repeats)."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Final

import polars as pl

from hundi.imports.notes import Notes
from hundi.kit.errors import FieldProblem
from hundi.kit.money import shown

DUPLICATE_UNCHANGED: Final = "DUPLICATE_UNCHANGED"
DUPLICATE_CONFLICT: Final = "DUPLICATE_CONFLICT"
DUPLICATE_IN_FILE: Final = "DUPLICATE_IN_FILE"
ATOMIC_ROLLBACK: Final = "ATOMIC_ROLLBACK"


class Verdict(ABC):
    """What became of each row of a chunk: ``rows`` has its values, ``notes`` its problems.

    ``rows`` has at least ``row`` and ``known_id``: the id of what was there before, for a row that says the same again.
    """

    shown_as: ClassVar[tuple[str, str]]
    """What the reply calls a row's number or name, and its id."""

    def __init__(self, rows: pl.DataFrame, notes: Notes) -> None:
        self.rows = rows
        self.notes = notes

    @abstractmethod
    def ids(self) -> pl.Series:
        """Give the ids of the rows as they are written."""

    @abstractmethod
    def outcome(self) -> pl.DataFrame:
        """Give what the result files need of each row: ``row``, ``number``, ``id``, ``amount`` (paise), ``dispatch``."""

    @abstractmethod
    def keys(self) -> pl.DataFrame:
        """Give the keys that may stand in a file only once: ``row``, and a text for each column that has one."""

    def lines(self) -> Any:
        """Say what became of the items of the second table (``report.Lines``); None where there is none."""
        return None

    def failed(self) -> pl.Series:
        """Give the mask of failures."""
        return self.notes.failed()

    def fresh(self) -> pl.Series:
        """Give the mask of rows to write: neither failed nor there before."""
        return ~self.failed() & self.rows["known_id"].is_null()

    def let_go(self) -> None:
        """Forget what is laid aside to be written by now; :meth:`fresh` and ``Kind.hold`` still have what they need.

        A chunk waits for the earlier ones, and is then sent for seconds, while the next ones are judged.
        """
        del self

    def roll_back(self) -> None:
        """Let every row that would be written fail, because another row of the file did."""
        message = "Nothing of this file was imported, because other rows of it failed: correct those and send it again."
        for at in self.fresh().arg_true():
            self.notes.error(at, FieldProblem("row", ATOMIC_ROLLBACK, message))


class Claims:
    """Which keys of the file are taken by an earlier row of it.

    ``repeated`` has the rows whose key stands in the file more than once: only those are looked at; ``None`` = all.
    ``prefix`` is what the ids of the file's rows begin with.
    """

    def __init__(self, repeated: pl.Series | None, prefix: str) -> None:
        self._repeated = repeated
        self._prefix = prefix
        self._taken: dict[str, dict[str, int]] = {}

    def settle(self, verdict: Verdict) -> None:
        """Let the first acceptable row of each key win; the others fail with ``DUPLICATE_IN_FILE``."""
        if self._repeated is not None and not len(self._repeated):
            return
        keys = verdict.keys()
        fields = keys.columns[1:]
        places = list(range(keys.height))
        if self._repeated is not None:
            places = keys["row"].is_in(self._repeated.implode()).arg_true().to_list()
        for at in places:
            row, *texts = keys.row(at)
            claimed = {field: text for field, text in zip(fields, texts, strict=True) if text is not None}
            errors = verdict.notes.errors.get(at)
            if errors is not None and not self._is_of_this_file(errors):
                continue
            first = next(
                ((field, self._taken.setdefault(field, {}).get(text)) for field, text in claimed.items()
                 if self._taken.setdefault(field, {}).get(text, row) != row), None,
            )  # fmt: skip
            if first is not None:
                message = f"Row {first[1]} of this file has the same {first[0]}; that one counts."
                rejected = shown(claimed[first[0]].rpartition("\x1f")[2])
                verdict.notes.errors[at] = [FieldProblem(first[0], DUPLICATE_IN_FILE, message, rejected)]
            elif errors is None:
                for field, text in claimed.items():
                    self._taken.setdefault(field, {})[text] = row

    def _is_of_this_file(self, errors: list[FieldProblem]) -> bool:
        """Tell whether the one thing wrong with a row is that another row of this file was written before it was judged."""
        one = errors[0]
        return len(errors) == 1 and one.code == DUPLICATE_CONFLICT and (one.rejected or "").startswith(self._prefix)
