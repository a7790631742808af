"""From an exception to the documented envelope: one table of handlers for the whole application (design §4.8)."""

import re
from typing import Any, Final

import structlog
from litestar import Request
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)

from hundi.http.body import NotJson
from hundi.http.envelope import Reply, failed
from hundi.kit.errors import ErrorType, FieldProblem, Invalid, Refusal, Transient
from hundi.kit.money import shown

log = structlog.get_logger("hundi.http")

_TYPE_OF_STATUS: Final = {
    400: ErrorType.CLIENT_REQUEST_ERROR,
    401: ErrorType.UNAUTHORIZED,
    403: ErrorType.INVALID_ACCESS,
    404: ErrorType.RECORD_NOT_FOUND,
    405: ErrorType.CLIENT_REQUEST_ERROR,
    413: ErrorType.CLIENT_REQUEST_ERROR,
    415: ErrorType.CLIENT_REQUEST_ERROR,
    429: ErrorType.CLIENT_REQUEST_ERROR,
}
_SENTENCE_OF_STATUS: Final = {
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
    413: "The body is larger than this endpoint takes.",
    415: "Send this request as application/json.",
}
_SERVER_ERROR: Final = 500
_BODY: Final = "data"
_BOUND: Final = re.compile(r"([<>])= ([0-9]+)$")


def request_id_of(request: Request[Any, Any, Any]) -> str:
    """Give the id under which this request is logged."""
    return str(request.scope.get("state", {}).get("request_id", "-"))


def _envelope(
    request: Request[Any, Any, Any],
    *,
    status: int,
    error_type: ErrorType,
    message: str,
    problems: tuple[FieldProblem, ...] = (),
    headers: dict[str, str] | None = None,
) -> Reply[Any]:
    now = request.app.state.clock.now()
    content = failed(
        message=message, error_type=error_type, request_id=request_id_of(request), now=now, problems=problems
    )
    return Reply(content, status_code=status, media_type="application/json", headers=headers or {})


def refused(request: Request[Any, Any, Any], error: Refusal) -> Reply[Any]:
    """Answer a refusal with its own status, and with a payload of its own where an endpoint documents one."""
    problems = error.problems or (FieldProblem("request", error.code, error.message),)
    log.info("refused", code=error.code, status=error.status, request_id=request_id_of(request))
    return _envelope(
        request,
        status=error.status,
        error_type=error.error_type,
        message=_summary(error),
        problems=problems,
        headers=error.headers,
    )


def _summary(error: Refusal) -> str:
    if len(error.problems) == 1:
        only = error.problems[0]
        return f"{only.field}: {only.message}"
    if error.problems:
        return f"{error.message} ({len(error.problems)} problems)"
    return error.message


def busy(request: Request[Any, Any, Any], error: Transient) -> Reply[Any]:
    """Answer 503 with Retry-After."""
    level = log.debug if request.url.path == "/readyz" else log.warning
    level("transient", error=type(error).__name__, cause=repr(error.__cause__), request_id=request_id_of(request))
    message = (type(error).__doc__ or "").strip().splitlines()[0]
    return _envelope(
        request,
        status=503,
        error_type=ErrorType.SYSTEM_ERROR,
        message=message,
        headers={"Retry-After": str(error.retry_after)},
    )


def framework(request: Request[Any, Any, Any], error: HTTPException) -> Reply[Any]:
    """Answer what the framework refused (path, method, parameters) in the same envelope."""
    status = error.status_code
    if status >= _SERVER_ERROR:
        return crashed(request, error)
    if isinstance(error, ValidationException):
        problems = _parameter_problems(request, error)
        if any(problem.field == _BODY for problem in problems):
            return refused(request, NotJson("The body is empty; send a JSON object."))
        return refused(request, Invalid(problems=problems))
    message = _SENTENCE_OF_STATUS.get(status, "The request could not be read.")
    if isinstance(error, ClientException) and not isinstance(error, NotFoundException | MethodNotAllowedException):
        message = _SENTENCE_OF_STATUS.get(status, str(error.detail))
    headers = {k: v for k, v in (error.headers or {}).items() if k.lower() in {"allow", "retry-after"}}
    return _envelope(
        request,
        status=status,
        error_type=_TYPE_OF_STATUS.get(status, ErrorType.CLIENT_REQUEST_ERROR),
        message=message,
        headers=headers,
    )


def _parameter_problems(request: Request[Any, Any, Any], error: ValidationException) -> tuple[FieldProblem, ...]:
    extra = error.extra if isinstance(error.extra, list) else []
    found = tuple(_parameter_problem(request, item) for item in extra if isinstance(item, dict))
    return found or (FieldProblem("request", "BAD_PARAMETER", str(error.detail)),)


def _parameter_problem(request: Request[Any, Any, Any], item: dict[str, Any]) -> FieldProblem:
    """Say what to send for one parameter, from what the framework found and what the handler declares."""
    name, said = str(item.get("key", "request")), str(item.get("message", ""))
    sent = request.query_params.get(name)
    declared = request.route_handler.parsed_fn_signature.parameters.get(name)
    choices = [str(value) for value in getattr(declared.annotation, "__args__", ())] if declared is not None else []
    bound = _BOUND.search(said)
    if said.startswith("Invalid enum value") and choices:
        message = f"Send {' or '.join(choices)}."
    elif bound is not None:
        message = f"Send a whole number of at {'least' if bound[1] == '>' else 'most'} {bound[2]}."
    elif said.startswith("Expected `int`"):
        message = "Send a whole number."
    else:
        message = f"{said.rstrip('.') or 'This is not acceptable'}."
    return FieldProblem(name, "BAD_PARAMETER", message, None if sent is None else shown(sent))


def crashed(request: Request[Any, Any, Any], error: Exception) -> Reply[Any]:
    """Answer a bug: logged whole with its request id, nothing of it in the reply."""
    log.error("bug", request_id=request_id_of(request), path=request.url.path, exc_info=error)
    return _envelope(
        request,
        status=500,
        error_type=ErrorType.SYSTEM_ERROR,
        message="Hundi failed on this request. Nothing was changed. Report it with the requestId.",
    )


HANDLERS: Final[dict[Any, Any]] = {
    Refusal: refused,
    Transient: busy,
    HTTPException: framework,
    Exception: crashed,
}
