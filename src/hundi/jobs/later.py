"""How a job asks to be run again at another time."""

from datetime import timedelta


class RunLater(Exception):
    """This job has nothing to do yet, or cannot do it now: run it again after ``delay``.

    It is no failure: it never parks the job, failures are counted anew after it, and the worker logs it at info.
    ``reason`` is for the log.
    """

    def __init__(self, delay: timedelta, reason: str) -> None:
        self.delay = delay
        self.reason = reason
        super().__init__(f"{reason} (again in {delay.total_seconds():.0f} s)")
