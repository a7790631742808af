"""The five reminder operations (contract §5; design §5 "Undocumented paths")."""

from typing import Annotated, Any, Final

from litestar import delete, get, patch, post
from litestar.datastructures import State
from litestar.params import PathParameter

from hundi.auth.guard import may
from hundi.auth.rules import Permission
from hundi.customers.api import CustomerPath, SellerParameter
from hundi.db.pool import Transaction
from hundi.http.body import JsonBody, PatchBody
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, ok
from hundi.http.idempotency import Call, once
from hundi.kit.actor import Actor
from hundi.reminders import service
from hundi.reminders.schemas import CustomerReminderCreateDTO, ReminderList, ReminderOut, ReminderPatch

_TAGS: Final = ["customer-reminder-controller"]
_COMING: Final = (
    "Rules are kept and their next run is computed here; sending reminders comes with a later release. A rule runs"
    " dueDateDifference days after an open invoice's due date (before it when negative, on it when absent) at"
    " reminderTime in India (10:00 unless told). ONCE runs once; RECURRING repeats every reminderInterval days while"
    " money is owed. nextRunOn is the nearest such day over all open invoices of the customer that are approved."
)
ReminderPath = Annotated[str, PathParameter(description="The reminder rule's id")]


@post(
    "/api/v0/customer/{customerId:str}/reminder",
    operation_id="createCustomerReminder",
    tags=_TAGS,
    guards=[may(Permission.CUSTOMER_WRITE)],
    dto=JsonBody[CustomerReminderCreateDTO],
    status_code=200,
    responses=statuses(),
    description=f"Add a reminder rule to a customer. {_COMING}",
)
async def create_reminder(
    customerId: CustomerPath,
    data: CustomerReminderCreateDTO,
    call: Call,
    state: State,
    parentCompanyId: SellerParameter = None,
) -> Reply[Envelope[ReminderOut]]:
    """Add a reminder rule to a customer."""

    async def work(tx: Transaction) -> Envelope[ReminderOut]:
        return ok(ReminderOut.of(await service.add(tx, call.actor, customerId, data)))

    return await once(state.db, call, work)


@get(
    "/api/v0/customer/{customerId:str}/reminder",
    operation_id="getCustomerReminders",
    tags=_TAGS,
    guards=[may(Permission.CUSTOMER_READ)],
    responses=statuses(),
    description=f"Give all reminder rules of a customer. {_COMING}",
)
async def get_reminders(
    customerId: CustomerPath, who: Actor, state: State, parentCompanyId: SellerParameter = None
) -> Reply[Envelope[ReminderList]]:
    """Give all reminder rules of a customer."""
    async with state.db.read(who) as tx:
        rows = await service.of_customer(tx, customerId)
    found = ReminderList(data=[ReminderOut.of(row) for row in rows], total_count=len(rows))
    return Reply(ok(found))


@get(
    "/api/v0/customer/{customerId:str}/reminder/{reminderId:str}",
    operation_id="getCustomerReminder",
    tags=_TAGS,
    guards=[may(Permission.CUSTOMER_READ)],
    responses=statuses(),
    description=f"Give one reminder rule. {_COMING}",
)
async def get_reminder(
    customerId: CustomerPath,
    reminderId: ReminderPath,
    who: Actor,
    state: State,
    parentCompanyId: SellerParameter = None,
) -> Reply[Envelope[ReminderOut]]:
    """Give one reminder rule."""
    async with state.db.read(who) as tx:
        row = await service.one(tx, customerId, reminderId)
    return Reply(ok(ReminderOut.of(row)))


@patch(
    "/api/v0/customer/{customerId:str}/reminder/{reminderId:str}",
    operation_id="updateCustomerReminder",
    tags=_TAGS,
    guards=[may(Permission.CUSTOMER_WRITE)],
    dto=PatchBody[ReminderPatch],
    status_code=200,
    responses=statuses(),
    description=f"Change a reminder rule: absent leaves, null clears, a value sets. {_COMING}",
)
async def update_reminder(
    customerId: CustomerPath,
    reminderId: ReminderPath,
    data: ReminderPatch,
    call: Call,
    state: State,
    parentCompanyId: SellerParameter = None,
) -> Reply[Envelope[ReminderOut]]:
    """Change a reminder rule: absent leaves, null clears, a value sets."""

    async def work(tx: Transaction) -> Envelope[ReminderOut]:
        return ok(ReminderOut.of(await service.change(tx, call.actor, customerId, reminderId, data)))

    return await once(state.db, call, work)


@delete(
    "/api/v0/customer/{customerId:str}/reminder/{reminderId:str}",
    operation_id="deleteReminder",
    tags=_TAGS,
    guards=[may(Permission.CUSTOMER_WRITE)],
    status_code=200,
    responses=statuses(),
    description=f"Take a reminder rule away. {_COMING}",
)
async def delete_reminder(
    customerId: CustomerPath,
    reminderId: ReminderPath,
    call: Call,
    state: State,
    parentCompanyId: SellerParameter = None,
) -> Reply[Envelope[str]]:
    """Take a reminder rule away."""

    async def work(tx: Transaction) -> Envelope[str]:
        await service.remove(tx, call.actor, customerId, reminderId)
        return ok(f"Reminder {reminderId} was deleted.")

    return await once(state.db, call, work)


ROUTES: list[Any] = [create_reminder, get_reminders, get_reminder, update_reminder, delete_reminder]
