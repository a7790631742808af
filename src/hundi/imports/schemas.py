"""Wire types of imports (contract §4.2)."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from hundi.http.envelope import ApiSubError, NullableText

Int32 = Annotated[int, Meta(extra_json_schema={"format": "int32"})]


class SuccessRequest(msgspec.Struct, kw_only=True):
    """A row that was imported, now or before: an invoice's number and id, or a customer's name and id."""

    row: int
    invoiceNumber: NullableText | UnsetType = UNSET
    invoiceId: str | UnsetType = UNSET
    legalName: NullableText | UnsetType = UNSET
    customerId: str | UnsetType = UNSET


class FailureRequest(msgspec.Struct, kw_only=True):
    """A row that was not: why is said in full, the parts joined by " | "."""

    row: int
    invoiceNumber: NullableText | UnsetType = UNSET
    legalName: NullableText | UnsetType = UNSET
    error_code: str
    error_message: str


class BulkResponse(msgspec.Struct, kw_only=True):
    """The documented BulkResponse: counts and files are complete, the two lists hold at most the first 1,000 rows each."""

    failureRequests: list[FailureRequest]
    successRequests: list[SuccessRequest]
    failure_count: Int32
    failure_count_second_file: Int32
    failure_file_name: str | UnsetType = UNSET
    failure_file_url: str | UnsetType = UNSET
    success_count: Int32
    success_file_name: str | UnsetType = UNSET
    success_file_url: str | UnsetType = UNSET
    total_amount: Decimal
    total_count: Int32
    warn_count: Int32

    @classmethod
    def empty(cls) -> "BulkResponse":
        """Give the reply of an import that has done nothing."""
        return cls(
            failureRequests=[], successRequests=[], failure_count=0, failure_count_second_file=0, success_count=0,
            total_amount=Decimal("0.00"), total_count=0, warn_count=0,
        )  # fmt: skip


class StoredResult(msgspec.Struct, kw_only=True):
    """What is kept with a finished import: the reply, and what is to be said about the file as a whole."""

    payload: BulkResponse
    warnings: list[ApiSubError]


class ImportAccepted(msgspec.Struct, kw_only=True):
    """The answer to `Prefer: respond-async`: where to look."""

    importId: str
    state: str
    url: str


class ImportModes(msgspec.Struct, kw_only=True):
    """How the rows are treated, as the upload asked for it."""

    dryRun: bool
    atomic: bool
    dispatch: bool
    createCustomers: bool


class ImportStatus(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How far an import has come; ``result`` once it has ended, ``refusal`` where the file as a whole was refused.

    ``rowsRead`` were taken out of the file, ``rowsJudged`` of them checked, ``doneRows`` are written and final:
    ``successCount`` of them imported, ``failureCount`` not. ``secondsLeft`` is a guess from the speed so far.
    """

    importId: str
    kind: str
    state: str
    fileName: str
    fileSize: int
    receivedOn: datetime
    url: str
    modes: ImportModes
    startedOn: datetime | None = None
    finishedOn: datetime | None = None
    cancelRequestedOn: datetime | None = None
    totalRows: int | None = None
    rowsRead: int = -1
    rowsJudged: int = -1
    doneRows: int = -1
    successCount: int = -1
    failureCount: int = -1
    warnCount: int = -1
    rowsPerSecond: int | None = None
    secondsLeft: int | None = None
    result: BulkResponse | None = None
    warnings: list[ApiSubError] = msgspec.field(default_factory=list)
    refusal: list[ApiSubError] = msgspec.field(default_factory=list)
