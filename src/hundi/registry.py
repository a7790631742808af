"""The one list of jobs: what the worker runs, by name."""

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any, Final

from hundi.dispatch import jobs as dispatch
from hundi.jobs.context import Handler, JobContext
from hundi.network import jobs as network
from hundi.webhooks import jobs as webhooks


def load_engine() -> ModuleType:
    """Load the jobs of imports. Their engine is heavy: a worker that has just started runs other jobs before."""
    return import_module("hundi.imports.jobs")


async def _import_run(context: JobContext, payload: dict[str, Any]) -> None:
    await load_engine().run(context, payload)


HANDLERS: Final[Mapping[str, Handler]] = {
    **dispatch.JOBS,
    **webhooks.JOBS,
    **network.JOBS,
    "imports.run": _import_run,
}
