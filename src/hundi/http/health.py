"""What operators and load balancers ask: alive, ready, and the counters."""

from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.datastructures import State
from prometheus_client import generate_latest

from hundi.kit.errors import Transient

_PUBLIC = {"public": True}


class NotReady(Transient):
    """Hundi is starting or its database does not answer. Ask again in a few seconds."""


@get("/healthz", opt=_PUBLIC, media_type=MediaType.TEXT, include_in_schema=False)
async def healthz() -> str:
    """Say that the process is alive, whatever the database does."""
    return "ok\n"


@get("/readyz", opt=_PUBLIC, media_type=MediaType.TEXT, include_in_schema=False)
async def readyz(request: Request[Any, Any, State]) -> str:
    """Say whether requests will be served: the database answers and, with --demo, its data and jobs are done."""
    state = request.app.state
    try:
        await state.db.ready()
        await state.readiness()
    except NotReady:
        raise
    except Exception as error:
        raise NotReady from error
    return "ready\n"


@get("/metrics", opt=_PUBLIC, include_in_schema=False, sync_to_thread=False)
def metrics(request: Request[Any, Any, State]) -> Response[bytes]:
    """Give the counters in Prometheus' text form."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type="text/plain; version=0.0.4")
