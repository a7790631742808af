"""The one source of time. Tests and the simulator put another clock in its place; nothing else reads the system's."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the present instant, always aware and in UTC."""

    def now(self) -> datetime:
        """Give the present instant in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Give the present instant in UTC, microseconds included (PostgreSQL keeps exactly those)."""
        return datetime.now(UTC)


class FrozenClock:
    """A clock that stands still until it is moved: for tests and simulations."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        """Give the instant the clock was set to."""
        return self.at
