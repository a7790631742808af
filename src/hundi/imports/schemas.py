"""Wire types of imports (contract §4.2)."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta

from hundi.http.envelope import ApiSubError, NullableText

Int32 = Annotated[int, Meta(extra_json_schema={"format": "int32"})]


class SuccessRequest(msgspec.Struct, kw_only=True):
    """A row that was imported, now or before."""

    row: int
    invoiceNumber: NullableText
    invoiceId: str


class FailureRequest(msgspec.Struct, kw_only=True):
    """A row that was not: why is said in full, the parts joined by " | "."""

    row: int
    invoiceNumber: NullableText
    error_code: str
    error_message: str


class BulkResponse(msgspec.Struct, kw_only=True):
    """The documented BulkResponse: counts and files are complete, the two lists hold at most the first 1,000 rows each."""

    failureRequests: list[FailureRequest]
    successRequests: list[SuccessRequest]
    failure_count: Int32
    failure_count_second_file: Int32
    failure_file_name: str | None = None
    failure_file_url: str | None = None
    success_count: Int32
    success_file_name: str | None = None
    success_file_url: str | None = None
    total_amount: Decimal
    total_count: Int32
    warn_count: Int32


class StoredResult(msgspec.Struct, kw_only=True):
    """What is kept with a finished import: the reply, and what is to be said about the file as a whole."""

    payload: BulkResponse
    warnings: list[ApiSubError]


class ImportAccepted(msgspec.Struct, kw_only=True):
    """The answer to `Prefer: respond-async`: where to look."""

    importId: str
    state: str
    url: str


class ImportStatus(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How far an import has come; ``result`` once it is done, ``refusal`` where the file as a whole was refused."""

    importId: str
    state: str
    fileName: str
    fileSize: int
    receivedOn: datetime
    startedOn: datetime | None = None
    finishedOn: datetime | None = None
    totalRows: int | None = None
    doneRows: int = -1
    successCount: int = -1
    failureCount: int = -1
    warnCount: int = -1
    result: BulkResponse | None = None
    warnings: list[ApiSubError] = msgspec.field(default_factory=list)
    refusal: list[ApiSubError] = msgspec.field(default_factory=list)
