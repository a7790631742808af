"""Refusals about companies and their people."""

from hundi.kit.errors import Forbidden, NotAllowedNow, NotFound


class UsernameTaken(NotAllowedNow):
    """That username is taken in this installation. Choose another, such as an e-mail address."""

    code = "USERNAME_TAKEN"


class SellerExists(NotAllowedNow):
    """A company with that id exists already."""

    code = "SELLER_EXISTS"


class SellerNotFound(NotFound):
    """There is no such company."""

    code = "SELLER_NOT_FOUND"


class RegistrationNotFound(NotFound):
    """There is no such registration in this company."""

    code = "REGISTRATION_UNKNOWN"


class RegistrationInUse(NotAllowedNow):
    """Invoices carry this registration's GSTIN and state, so they stay. Add another registration instead."""

    code = "REGISTRATION_IN_USE"


class GstinTaken(NotAllowedNow):
    """Another registration of this company has that GSTIN. Change that one."""

    code = "GSTIN_TAKEN"


class DefaultNeeded(NotAllowedNow):
    """One registration is always the default. Make another one the default instead."""

    code = "DEFAULT_NEEDED"


class LogoNotFound(NotFound):
    """This company has no logo yet."""

    code = "LOGO_NOT_FOUND"


class UserNotFound(NotFound):
    """There is no such user in this company."""

    code = "USER_NOT_FOUND"


class ClientNotFound(NotFound):
    """There is no such API client in this company, or it was revoked."""

    code = "CLIENT_NOT_FOUND"


class GrantNotFound(NotFound):
    """That company has no grant from this one."""

    code = "GRANT_NOT_FOUND"


class LastOwner(NotAllowedNow):
    """A company keeps at least one active owner. Make somebody else an owner first."""

    code = "LAST_OWNER"


class OwnerOnly(Forbidden):
    """Only an owner may give the owner's role, or change somebody who has it."""

    code = "OWNER_ONLY"


class OwnPeopleOnly(Forbidden):
    """Users, API clients and grants are changed by the company's own people, never by a partner under a grant."""

    code = "OWN_PEOPLE_ONLY"


class HomeElsewhere(NotAllowedNow):
    """This person's account belongs to another company, which alone may change the account and its password."""

    code = "HOME_ELSEWHERE"


class SeriesNotFound(NotFound):
    """There is no such number series in this company."""

    code = "SERIES_NOT_FOUND"


class SeriesRegistrationNotFound(NotFound):
    """The company has no such registration to number for."""

    code = "SERIES_REGISTRATION_NOT_FOUND"


class SeriesExists(NotAllowedNow):
    """The registration has a series of that pattern already."""

    code = "SERIES_EXISTS"
