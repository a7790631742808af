"""Refusals about companies and their people."""

from hundi.kit.errors import NotAllowedNow


class UsernameTaken(NotAllowedNow):
    """That username is taken in this installation. Choose another, such as an e-mail address."""

    code = "USERNAME_TAKEN"


class SellerExists(NotAllowedNow):
    """A company with that id exists already."""

    code = "SELLER_EXISTS"
