"""Wire types of reminder rules (contract §3.3, §5). They are the customer's own, as createCustomer embeds them."""

import msgspec

from hundi.customers.rules import MAX_REMINDERS
from hundi.customers.schemas import CustomerReminderCreateDTO, ReminderOut, ReminderPatch


class ReminderList(msgspec.Struct, kw_only=True):
    """The reminder rules of one customer, all of them (at most 20)."""

    data: list[ReminderOut]
    total_count: int
    limit: int = MAX_REMINDERS
    offset: int = 0


__all__ = ["CustomerReminderCreateDTO", "ReminderList", "ReminderOut", "ReminderPatch"]
