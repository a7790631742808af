"""The one list of jobs: what the worker runs, by name."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

from hundi.dispatch import jobs as dispatch
from hundi.jobs.context import Handler, JobContext
from hundi.network import jobs as network
from hundi.webhooks import jobs as webhooks


async def _import_run(context: JobContext, payload: dict[str, Any]) -> None:
    # Loaded when the first import runs: its engine is heavy, and a worker may never need it.
    await import_module("hundi.imports.jobs").run(context, payload)


HANDLERS: Final[Mapping[str, Handler]] = {
    **dispatch.JOBS,
    **webhooks.JOBS,
    **network.JOBS,
    "imports.run": _import_run,
}
