"""What is wrong or doubtful in the rows of one chunk: every problem of every row, in the order in which it was found."""

from collections.abc import Iterable

import polars as pl

from hundi.kit.errors import FieldProblem


class Notes:
    """Errors and warnings by position in the chunk (0 = its first row)."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.errors: dict[int, list[FieldProblem]] = {}
        self.warnings: dict[int, list[FieldProblem]] = {}

    def error(self, at: int, problem: FieldProblem) -> None:
        """Note why a row fails."""
        self.errors.setdefault(at, []).append(problem)

    def speaks_of(self, at: int, field: str) -> bool:
        """Tell whether a row has an error in a field already: a cell that cannot be read is not missing."""
        return any(problem.field == field for problem in self.errors.get(at, ()))

    def warning(self, at: int, problem: FieldProblem) -> None:
        """Note what is doubtful in a row."""
        self.warnings.setdefault(at, []).append(problem)

    def all_of(self, at: int, errors: Iterable[FieldProblem], warnings: Iterable[FieldProblem]) -> None:
        """Note several at once."""
        for problem in errors:
            self.error(at, problem)
        for problem in warnings:
            self.warning(at, problem)

    def failed(self) -> pl.Series:
        """Give a mask of the rows with errors."""
        return mask_of(self.size, self.errors)


def mask_of(size: int, positions: Iterable[int]) -> pl.Series:
    """Give a mask of ``size`` that is true at the positions."""
    found = pl.Series("at", list(positions), dtype=pl.Int64)
    mask = pl.zeros(size, dtype=pl.Int8, eager=True)
    if len(found):
        mask = mask.scatter(found, 1)
    return mask == 1
