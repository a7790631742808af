"""Fixtures for all tests: a real PostgreSQL, the real application, and a fresh company for each test.

The server is our own embedded one, one for each process of pytest-xdist. ``HUNDI_TEST_PG_BIN`` names another
PostgreSQL's ``bin`` folder to run the same tests on.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings

import make
from hundi import app as hundi_app
from hundi.auth import service as auth_service
from hundi.config import Settings
from hundi.db.embedded import EmbeddedPostgres, Urls, postmaster
from hundi.db.pool import Database, open_database
from hundi.db.upgrade import upgrade
from hundi.files.store import FileStore
from hundi.kit.keys import Keyring
from receiver import Receiver, receiving

# The suite starts some hundred processes of Hundi. Where nothing that is compiled may be kept (containers often say so) each
# of them would compile all of it, and pytest every test: a third of the suite's time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Read when this module is loaded, because the environment is cleared before the first test.
PG_BIN = os.environ.get("HUNDI_TEST_PG_BIN")


# How many examples a property gets that does not say so itself.
EXAMPLES = {"default": 40, "ci": 100, "soak": 1000}[os.environ.get("TEST_TIER", "default")]
# Neither a deadline nor a word about slow generation: how quick the machine is this minute is not what these tests ask.
settings.register_profile("hundi", deadline=None, max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hundi")


def pytest_configure(config: pytest.Config) -> None:
    """Let Litestar 2 infer parameters and dependencies: what warns there ends with Litestar 3, which is not allowed in."""
    config.addinivalue_line("filterwarnings", "ignore::litestar.exceptions.LitestarDeprecationWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long scenarios, so that no process of pytest-xdist is left alone with them at the end."""
    items.sort(key=lambda item: "scenarios" not in item.path.parts)


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside() -> Iterator[None]:
    """Take away every HUNDI_ variable, so that nobody's shell decides how a test ends."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("HUNDI_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hash passwords at the lowest cost; tests/api/test_token.py looks at the real one."""
    with pytest.MonkeyPatch.context() as patch:
        quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(auth_service, "_HASHER", quick)
        yield


@pytest.fixture(scope="session", autouse=True)
def plain_tracebacks() -> None:
    """Log as the product does: the tracebacks of structlog's defaults draw every local variable and take seconds for it."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, plain],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """Give the data folder of the session's server; outside pytest's own, whose names are long."""
    folder = Path(tempfile.mkdtemp(prefix="hundi-tests-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
async def database_urls(server_folder: Path) -> AsyncIterator[Urls]:
    """Give the addresses (owner, app, loader) of a migrated database.

    Its server leaves the disk to the kernel: a process that is killed loses nothing by it, and no test takes the machine's
    power away. Nor does it tidy up at its end: nobody reads what it leaves. tests/unit/embedded looks at what a server is
    started and stopped with otherwise.
    """
    server = EmbeddedPostgres(server_folder, binaries=Path(PG_BIN) if PG_BIN else None)
    waiting = {"fsync=on": "fsync=off", "full_page_writes=on": "full_page_writes=off"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postmaster, "MUST_HOLD", tuple(waiting.get(held, held) for held in postmaster.MUST_HOLD))
        urls = await server.start()
    try:
        await upgrade(urls.owner, app_role="hundi_app", loader_role="hundi_loader")
        yield urls
    finally:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(postmaster, "STEPS", postmaster.STEPS[1:])
            await server.stop()


@pytest.fixture(scope="session")
def session_clock() -> make.MovedClock:
    """Give the one clock of the session's application; tests ask for ``clock``, which is set to the start."""
    return make.MovedClock()


@pytest.fixture
def clock(session_clock: make.MovedClock) -> make.MovedClock:
    """Give the clock, set to :data:`make.START`; ``clock.move(minutes=15)`` moves it."""
    session_clock.reset()
    return session_clock


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring([make.SECRET])


@pytest.fixture(scope="session")
async def session_db(database_urls: Urls, session_clock: make.MovedClock) -> AsyncIterator[Database]:
    database = await open_database(database_urls.app, session_clock, loader_dsn=database_urls.loader)
    yield database
    await database.close()


@pytest.fixture
def db(session_db: Database, clock: make.MovedClock) -> Database:
    """Give the pool of the app role, with the clock at its start."""
    return session_db


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> FileStore:
    """Give a file store in a folder of its own."""
    return FileStore.open(None, tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="session")
def session_app(session_db: Database, session_clock: make.MovedClock, keyring: Keyring, store: FileStore) -> Any:
    return hundi_app.build(
        settings=Settings(), db=session_db, clock=session_clock, keyring=keyring, files=store,
        base_url="http://hundi.test",
    )  # fmt: skip


@pytest.fixture
async def http_factory(session_app: Any, clock: make.MovedClock) -> AsyncIterator[Callable[..., httpx2.AsyncClient]]:
    """Give a function that makes HTTP clients of the application with these headers; all are closed at the end."""
    async with make.http_clients(session_app) as factory:
        yield factory


@pytest.fixture
def client(http_factory: Callable[..., httpx2.AsyncClient]) -> httpx2.AsyncClient:
    """Give an HTTP client that is not signed in."""
    return http_factory()


@pytest.fixture
def new_seller(
    db: Database, keyring: Keyring, clock: make.MovedClock, http_factory: Any
) -> Callable[..., Awaitable[make.Company]]:
    """Give a function that makes a company: ``await new_seller(state_code="29")``."""

    async def made(**changes: Any) -> make.Company:
        return await make.company(db, keyring, clock, http_factory, **changes)

    return made


@pytest.fixture
async def seller(new_seller: Callable[..., Awaitable[make.Company]]) -> make.Company:
    """Give a company that nothing else uses: ``seller.http`` is its owner's HTTP client."""
    return await new_seller()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Give a server of the test's own that hears what is sent to it."""
    async with receiving() as found:
        yield found
