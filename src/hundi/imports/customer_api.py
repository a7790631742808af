"""createBulkCustomer and bulkUpdate (contract §3.4): customers from a file, through the engine that imports invoices."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from litestar import Request, get, post
from litestar.datastructures import State
from litestar.openapi.spec import Parameter
from litestar.params import QueryParameter

from hundi.auth.guard import may
from hundi.auth.rules import Permission
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply
from hundi.imports.api import (
    TEMPLATE_OPERATION,
    Atomic,
    DryRun,
    TemplateFormat,
    TemplateLanguage,
    UploadOperation,
    template_reply,
    upload_statuses,
)
from hundi.imports.receiving import Form, Modes, received
from hundi.imports.reply import reply_to
from hundi.imports.schemas import BulkResponse
from hundi.imports.service import CUSTOMER_UPDATES, CUSTOMERS
from hundi.kit.ids import SELLER_PATTERN

_TAGS: Final = ["Customer Apis"]
_PATTERN: Final = {"pattern": SELLER_PATTERN, "type": "string", "one_of": None}
# Printed as required and without a pattern; who leaves it out acts for the company of the token.
CompanyParameter = Annotated[
    str | None,
    QueryParameter(name="companyId", required=False, schema_extra={"type": "string", "one_of": None},
                   description="Company to act for"),
]  # fmt: skip
ParentCompanyParameter = Annotated[
    str | None,
    QueryParameter(name="parentCompanyId", required=False, schema_extra=_PATTERN, description="Company to act for"),
]
_HINT: Final = "Attach a CSV file as the part named 'file'; GET /api/v0/customer/bulk/template gives one to start from."
_NEW: Final = Form(kind=CUSTOMERS, hint=_HINT, nameless="customers.csv")
_CHANGED: Final = Form(kind=CUSTOMER_UPDATES, hint=_HINT, nameless="customers.csv")


@dataclass
class CompanyUploadOperation(UploadOperation):
    """Shows ``companyId`` as required, as the published page does."""

    def __post_init__(self) -> None:
        """Mark the parameter."""
        super().__post_init__()
        for one in self.parameters or ():
            if isinstance(one, Parameter) and one.name == "companyId":
                one.required = True


@post(
    "/api/v0/customer/bulk",
    operation_id="createBulkCustomer",
    operation_class=CompanyUploadOperation,
    tags=_TAGS,
    guards=[may(Permission.IMPORT)],
    status_code=200,
    responses=upload_statuses(),
)
async def upload_customers(
    request: Request[Any, Any, State],
    state: State,
    dryRun: DryRun = False,
    atomic: Atomic = False,
    companyId: CompanyParameter = None,
) -> Reply[Envelope[BulkResponse]]:
    """Create customers from a file: each row ends in exactly one of success and failure; files of both come with the reply.

    Waits for the end; with `Prefer: respond-async` it answers 202 with the address of the import's progress.
    """
    modes = Modes(dry_run=dryRun, atomic=atomic)
    return await reply_to(request, state, await received(request, state, _NEW, modes))


@post(
    "/api/v0/customer/bulk/update",
    operation_id="bulkUpdate",
    operation_class=UploadOperation,
    tags=_TAGS,
    guards=[may(Permission.IMPORT)],
    status_code=200,
    responses=upload_statuses(),
)
async def update_customers(
    request: Request[Any, Any, State],
    state: State,
    dryRun: DryRun = False,
    atomic: Atomic = False,
    parentCompanyId: ParentCompanyParameter = None,
) -> Reply[Envelope[BulkResponse]]:
    """Change customers from a file: rows name theirs by customerId, customerRef or GSTIN; empty cells leave what is there."""
    modes = Modes(dry_run=dryRun, atomic=atomic)
    return await reply_to(request, state, await received(request, state, _CHANGED, modes))


@get(
    "/api/v0/customer/bulk/template",
    operation_id="getBulkCustomerTemplate",
    operation_class=TEMPLATE_OPERATION,
    tags=_TAGS,
    responses=statuses(),
    guards=[may(Permission.IMPORT)],
    media_type="text/csv",
)
async def get_customer_template(
    format: TemplateFormat = "csv",  # noqa: A002 - the parameter's name on the wire
    lang: TemplateLanguage = "en",
    companyId: CompanyParameter = None,
) -> Reply[bytes]:
    """Give the template for customers: a header line with every column's label, and one sample row."""
    return await template_reply(CUSTOMERS, format, lang)


ROUTES: Final = [upload_customers, update_customers, get_customer_template]
