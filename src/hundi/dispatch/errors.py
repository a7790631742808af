"""Refusals of dispatch, and the reasons why single invoices are not sent."""

from hundi.kit.errors import NotAllowedNow


class IllegalMove(NotAllowedNow):
    """The invoice's or delivery's present status does not allow this."""

    code = "ILLEGAL_MOVE"
