"""POST /oauth/token (contract §1.2; design §5)."""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from litestar import Request, post
from litestar.datastructures import State
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import HeaderParameter

from hundi.auth import service
from hundi.auth.errors import InvalidClient, InvalidGrant, TokenRefused, TooManySignIns, UnsupportedGrant
from hundi.auth.guard import PUBLIC
from hundi.auth.schemas import TokenReply
from hundi.auth.service import Issued
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, encode, failed
from hundi.http.errors import request_id_of
from hundi.http.limits import Limits, Verdict
from hundi.kit.errors import FieldProblem
from hundi.kit.ids import SellerId

_FORM: Final = "application/x-www-form-urlencoded"
_MAX_FORM: Final = 16 * 1024
_MAX_FIELDS: Final = 20


class TokenFailure(Envelope[str], kw_only=True, omit_defaults=True):
    """The envelope, with the RFC 6749 §5.2 members beside it."""

    error: str = ""
    error_description: str = ""


_BODY: Final = RequestBody(
    required=True,
    content={
        _FORM: OpenAPIMediaType(
            schema=Schema(
                type=OpenAPIType.OBJECT,
                required=["grant_type"],
                properties={
                    "grant_type": Schema(
                        type=OpenAPIType.STRING,
                        enum=["password", "refresh_token", "client_credentials"],
                        default="password",
                    ),
                    "username": Schema(type=OpenAPIType.STRING),
                    "password": Schema(type=OpenAPIType.STRING),
                    "clientId": Schema(type=OpenAPIType.STRING, description="The API client's id or its company's"),
                    "refresh_token": Schema(type=OpenAPIType.STRING),
                },
            )
        )
    },
)


@dataclass
class TokenOperation(Operation):
    """Prints the form, which the handler reads itself."""

    def __post_init__(self) -> None:
        """Put the form in."""
        self.request_body = _BODY
        self.security = []


@post(
    "/oauth/token",
    operation_class=TokenOperation,
    operation_id="getAuthenticationToken",
    tags=["Get Authentication Token"],
    summary="Get an access token",
    status_code=200,
    opt=PUBLIC,
    responses={
        400: ResponseSpec(TokenFailure, generate_examples=False, description="Bad Request"),
        401: ResponseSpec(TokenFailure, generate_examples=False, description="Unauthorized"),
        403: ResponseSpec(TokenFailure, generate_examples=False, description="Forbidden"),
        429: ResponseSpec(TokenFailure, generate_examples=False, description="Too many sign-ins"),
        **statuses(413, 500, 503),
    },
)
async def get_token(
    request: Request[Any, Any, State],
    authorization: Annotated[
        str | None,
        HeaderParameter(name="Authorization", required=False, description="Basic base64(clientId:clientSecret)"),
    ] = None,
) -> Reply[TokenReply]:
    """Exchange a password, a refresh token or the client's own credentials for an access token of one hour."""
    try:
        issued = await _granted(request, authorization)
    except TokenRefused as refused:
        return _refusal(request, refused)
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    return Reply(encode(TokenReply.of(issued)), status_code=200, media_type="application/json", headers=headers)


async def _granted(request: Request[Any, Any, State], authorization: str | None) -> Issued:
    form = await _form(request)
    client_id, secret = _basic(authorization)
    state = request.app.state
    limits: Limits = state.limits
    _slowed(limits.sign_in_from(request.scope))
    seller_id, roles = await service.check_client(state.db, client_id, secret)
    named = form.get("clientId")
    if named not in {None, "", client_id, seller_id}:
        problem = FieldProblem(
            "clientId", "CLIENT_MISMATCH", "Send the API client's id or its company's, or leave it out."
        )
        raise InvalidClient(problems=[problem])
    grant = form.get("grant_type") or "password"
    if grant == "password":
        username, password = _needed(form, "username"), _needed(form, "password")
        _slowed(limits.sign_in_as(username))
        return await service.sign_in(
            state.db, state.tokens, seller_id=seller_id, client_id=client_id, username=username, password=password
        )
    if grant == "refresh_token":
        token = _needed(form, "refresh_token")
        return await service.renew(
            state.db, state.tokens, seller_id=seller_id, client_id=client_id, client_roles=roles, token=token
        )
    if grant == "client_credentials":
        return await service.client_credentials(
            state.db, state.tokens, seller_id=SellerId(seller_id), client_id=client_id, roles=roles
        )
    raise UnsupportedGrant


def _slowed(verdict: Verdict) -> None:
    if not verdict.allowed:
        message = f"Too many sign-ins from this address or for this name: wait {verdict.retry_after_s} seconds."
        raise TooManySignIns(message, headers={"Retry-After": str(verdict.retry_after_s), **verdict.headers()})


async def _form(request: Request[Any, Any, State]) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        message = f"Send the form as {_FORM}."
        raise TokenRefused(message)
    body = await request.body()
    if len(body) > _MAX_FORM:
        message = "The form is larger than 16 KiB."
        raise TokenRefused(message)
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
    except ValueError as error:
        message = "The form cannot be read: send UTF-8, percent-encoded, with at most 20 fields."
        raise TokenRefused(message) from error
    form = dict(pairs)
    if len(form) != len(pairs):
        message = "A field stands twice in the form."
        raise TokenRefused(message)
    if any("\x00" in value for value in form.values()):
        message = "A field holds a NUL character."
        raise TokenRefused(message)
    return form


def _needed(form: dict[str, str], name: str) -> str:
    value = form.get(name)
    if not value:
        raise TokenRefused(problems=[FieldProblem(name, "REQUIRED", f"Send {name}; this grant needs it.")])
    return value


def _basic(authorization: str | None) -> tuple[str, str]:
    scheme, _, encoded = (authorization or "").partition(" ")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8") if scheme.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    client_id, colon, secret = text.partition(":")
    if not colon or "\x00" in text:
        message = "Send 'Authorization: Basic base64(clientId:clientSecret)'."
        raise InvalidClient(message)
    return client_id, secret


def _refusal(request: Request[Any, Any, State], refused: TokenRefused) -> Reply[Any]:
    problems = refused.problems or (FieldProblem("request", refused.code, refused.message),)
    now = request.app.state.clock.now()
    base = failed(
        message=refused.message,
        error_type=refused.error_type,
        request_id=request_id_of(request),
        now=now,
        problems=problems,
    )
    content = TokenFailure(
        errorResponse=base.errorResponse,
        response_code=base.response_code,
        response_message=base.response_message,
        error=refused.error,
        error_description=refused.message,
    )
    headers = {"Cache-Control": "no-store", **refused.headers}
    if isinstance(refused, InvalidClient | InvalidGrant):
        headers["WWW-Authenticate"] = 'Basic realm="hundi"'
    return Reply(content, status_code=refused.status, media_type="application/json", headers=headers)
