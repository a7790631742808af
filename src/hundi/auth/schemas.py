"""Wire types of sign-in (contract §1.2): both published spellings of each field."""

import msgspec

from hundi.auth.service import Issued


class TokenReply(msgspec.Struct):
    """The reply of POST /oauth/token; shape A and shape B of the published pages in one."""

    access_token: str
    token_type: str
    refresh_token: str
    expires_in: int
    scope: str
    accessToken: str
    tokenType: str
    refreshToken: str
    expiresIn: int

    @classmethod
    def of(cls, issued: Issued) -> "TokenReply":
        """Spell an issued pair both ways."""
        return cls(
            access_token=issued.access_token,
            token_type="bearer",  # noqa: S106 - the kind of token, not one
            refresh_token=issued.refresh_token,
            expires_in=issued.expires_in,
            scope="read write trust",
            accessToken=issued.access_token,
            tokenType="bearer",
            refreshToken=issued.refresh_token,
            expiresIn=issued.expires_in,
        )
