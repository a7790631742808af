"""Refusals of sign-in and access."""

from hundi.kit.errors import ErrorType, Forbidden, Refusal


class TokenRefused(Refusal):
    """The token request was refused. ``error`` is the RFC 6749 §5.2 code that goes beside the envelope."""

    code, status, error_type = "TOKEN_REFUSED", 400, ErrorType.CLIENT_REQUEST_ERROR
    error = "invalid_request"


class InvalidClient(TokenRefused):
    """The client id or secret in the Authorization header is not right."""

    code, status, error_type = "INVALID_CLIENT", 401, ErrorType.UNAUTHORIZED
    error = "invalid_client"


class InvalidGrant(TokenRefused):
    """The username, password or refresh token is not right."""

    code, status, error_type = "INVALID_GRANT", 401, ErrorType.UNAUTHORIZED
    error = "invalid_grant"


class AccountLocked(TokenRefused):
    """Five wrong passwords: this account is locked for 15 minutes."""

    code, status, error_type = "ACCOUNT_LOCKED", 403, ErrorType.INVALID_ACCESS
    error = "invalid_grant"


class UnsupportedGrant(TokenRefused):
    """Use grant_type password, refresh_token or client_credentials."""

    code = "UNSUPPORTED_GRANT_TYPE"
    error = "unsupported_grant_type"


class NoGrant(Forbidden):
    """That company has not given yours access. Ask its owner for a partner grant, or leave sellerId out."""

    code = "NO_PARTNER_GRANT"


class RoleMissing(Forbidden):
    """Your role does not allow this. Ask an owner or admin of the company for a role that does."""

    code = "ROLE_MISSING"


class TooManySignIns(TokenRefused):
    """Too many sign-ins from this address or for this name: wait as long as Retry-After says."""

    code, status = "TOO_MANY_SIGN_INS", 429
    error = "slow_down"
