"""When another server does not answer at all, it is left alone for a while, and all that waits for it goes once it is back."""

from datetime import datetime, timedelta
from typing import Final

from hundi.network.postman import Outcome

_FIRST: Final = timedelta(seconds=1)
_LONGEST: Final = timedelta(seconds=10)
_DOUBLINGS: Final = 4


class Pause:
    """Whether one server is to be left alone; one worker's memory, in no table."""

    def __init__(self) -> None:
        self.failures = 0
        self._until: datetime | None = None

    def on(self, now: datetime) -> bool:
        """Tell whether to wait; never for longer than the longest pause, also where the clock was set back meanwhile."""
        return self._until is not None and now < self._until <= now + _LONGEST

    def learn(self, outcomes: list[Outcome], now: datetime) -> bool:
        """Learn from a batch; True when the server is back after it had been away."""
        asked = [one.reached for one in outcomes if one.reached is not None]
        if not asked:
            return False
        if not any(asked):
            self._until = now + min(_FIRST * (1 << min(self.failures, _DOUBLINGS)), _LONGEST)
            self.failures += 1
            return False
        was_away = self.failures > 0
        self.failures, self._until = 0, None
        return was_away
