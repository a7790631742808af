"""Access tokens: signed, short-lived, read without the database; revocation is checked where the seller is bound."""

from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey

from hundi.kit.errors import Unauthenticated
from hundi.kit.keys import Keyring

ACCESS_LIFE: Final = timedelta(hours=1)
REFRESH_LIFE: Final = timedelta(days=30)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CACHE_SIZE: Final = 4096
_MAX_TOKEN: Final = 4096
_ALGORITHMS: Final = ["HS256"]


class Claims(msgspec.Struct, frozen=True):
    """What an access token says. ``sub`` is the user, or the client where no user signed in; ``fam`` the sign-in.

    ``ius`` is when it was made in microseconds: with ``iat``'s whole seconds, who signs in again within the second of a
    revocation would get a token that is void from birth.
    """

    sub: str
    cid: str
    sel: str
    roles: tuple[str, ...]
    fam: str
    iat: int
    ius: int
    exp: int


class TokenSigner:
    """Signs access tokens with the current key and reads those of any key of the ring."""

    def __init__(self, keyring: Keyring) -> None:
        keys: list[Any] = [
            OctKey.import_key(key.derive("access token"), {"kid": key.kid.hex()}) for key in keyring.keys
        ]
        self._kid = keyring.current.kid.hex()
        self._keys = KeySet(keys)
        self._seen: OrderedDict[str, Claims] = OrderedDict()

    def issue(
        self, *, subject: str, client_id: str, seller_id: str, roles: list[str], family: str, now: datetime
    ) -> str:
        """Make a token that is good for an hour from ``now``."""
        claims: dict[str, Any] = {
            "sub": subject,
            "cid": client_id,
            "sel": seller_id,
            "roles": sorted(roles),
            "fam": family,
            "iat": int(now.timestamp()),
            "ius": (now - _EPOCH) // timedelta(microseconds=1),
            "exp": int((now + ACCESS_LIFE).timestamp()),
        }
        return jwt.encode({"alg": "HS256", "kid": self._kid}, claims, self._keys, algorithms=_ALGORITHMS)

    def read(self, token: str, now: datetime) -> Claims:
        """Check the signature and the expiry; raises :class:`Unauthenticated`.

        A signature that was found good is remembered (it cannot become bad); the expiry is looked at each time.
        """
        claims = self._seen.get(token)
        if claims is None:
            claims = self._verified(token)
            self._seen[token] = claims
            if len(self._seen) > _CACHE_SIZE:
                self._seen.popitem(last=False)
        if now.timestamp() >= claims.exp:
            message = "This token has expired. Ask for a new one with the refresh token."
            raise Unauthenticated(message)
        return claims

    def _verified(self, token: str) -> Claims:
        message = "This token is not one of ours. Sign in again."
        if len(token) > _MAX_TOKEN:
            raise Unauthenticated(message)
        try:
            read = jwt.decode(token, self._keys, algorithms=_ALGORITHMS)
            return msgspec.convert(read.claims, Claims)
        except (JoseError, ValueError, msgspec.ValidationError) as error:
            raise Unauthenticated(message) from error


def issued_at(claims: Claims) -> datetime:
    """Give the instant a token was made."""
    return _EPOCH + timedelta(microseconds=claims.ius)
