"""What the engine asks of one kind of rows: how they are judged, what must hold while they are written, and where they go."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Generic, Self, TypeVar

import msgspec
import polars as pl

from hundi.db.pool import Database, Transaction
from hundi.files.store import FileStore
from hundi.imports.parse_child import Chunk, Manifest
from hundi.imports.queries import ImportRow
from hundi.imports.service import Options
from hundi.imports.tables import Birth, Copied
from hundi.imports.verdict import Verdict
from hundi.kit.actor import Actor
from hundi.kit.ids import SellerId
from hundi.kit.keys import Keyring

Judged = TypeVar("Judged", bound=Verdict)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one import: its means, its row, and what was settled when the file came."""

    db: Database
    files: FileStore
    keyring: Keyring
    seller_id: SellerId
    row: ImportRow
    options: Options
    actor: Actor


class Kind(ABC, Generic[Judged]):
    """One kind of rows in one run. Chunks are judged in file order, one at a time; they may be judged again."""

    keys: ClassVar[frozenset[str]] = frozenset()
    """Constraints somebody else's row may break while a chunk is written: it is judged again then."""
    most_rows: ClassVar[int] = 1_000_000
    """How many rows a chunk of this kind may have."""
    parent: ClassVar[str] = "invoices"
    """The table of the rows that the other rows of a chunk point to."""
    traced_as: ClassVar[tuple[str, str]]
    """The audit action and the event of a written chunk."""

    def __init__(self, run: Run, manifest: Manifest) -> None:
        self.run = run
        self.manifest = manifest

    @classmethod
    @abstractmethod
    async def open(cls, run: Run, manifest: Manifest, folder: Path) -> Self:
        """Read what holds for the whole import."""

    @abstractmethod
    def restart(self) -> None:
        """Forget what earlier chunks claimed: the file is judged anew from its first chunk."""

    @abstractmethod
    def looks_back(self, chunk: Chunk) -> bool:
        """Tell whether later rows depend on this chunk's, so that it is judged even when it is written already."""

    @abstractmethod
    async def judge(self, frame: pl.DataFrame, no: int) -> Judged:
        """Read the cells of chunk ``no``, look up what they speak of, and judge every row."""

    def in_turn(self, verdict: Judged) -> bool:
        """Tell whether the chunk waits for all earlier ones and keeps the later ones waiting; as the application only."""
        del verdict
        return False

    def one_by_one(self) -> bool:
        """Tell whether a chunk is judged only after the one before it was written."""
        return False

    async def hold(self, tx: Transaction, verdict: Judged) -> None:
        """Keep what the rows lean on as it was judged until ``tx`` ends. Raises ``KeyTaken`` where it is not so any more."""
        del tx, verdict

    def collided(self) -> None:
        """Take note that a row was written by somebody else after it was judged: it is to be looked for by its id, too."""

    @abstractmethod
    async def complete(self, tx: Transaction, verdict: Judged) -> None:
        """Do what only the writing transaction can (take numbers, apply changes); rows may still fail here."""

    @abstractmethod
    async def foresee(self, tx: Transaction, verdict: Judged) -> None:
        """Find out what :meth:`complete` would do; ``tx`` is rolled back."""

    def written(self, verdict: Judged) -> None:
        """Take note that a chunk was written in a transaction that later chunks share, and do not see when judged."""
        del verdict

    @abstractmethod
    def tables(self, verdict: Judged, birth: Birth) -> list[Copied]:
        """Give the rows to write, each table after those it points to."""
