"""Waiting for a condition with a deadline, and saying what was seen last when it does not come true."""

import time
from collections.abc import Callable
from typing import TypeVar

from tests.cluster.errors import ClusterError

T = TypeVar("T")


class WaitTimeout(ClusterError, TimeoutError):
    """The condition did not come true before the deadline; the message holds the last value seen."""


def wait_until(predicate: Callable[[], T], timeout: float = 30.0, *, describe: str = "", interval: float = 0.1) -> T:
    """Return the first truthy value of `predicate`, asked every `interval` seconds until `timeout` seconds are over.

    An exception of the predicate counts as "not yet"; the last one is named in the message, and chained.
    Raises WaitTimeout.
    """
    start = time.monotonic()
    last: object = None
    failure: Exception | None = None
    while True:
        try:
            value = predicate()
        except Exception as exc:  # noqa: BLE001  (any failure of a probe means "not yet"; the last is reported)
            failure = exc
        else:
            if value:
                return value
            last, failure = value, None
        if time.monotonic() - start >= timeout:
            seen = f"{type(failure).__name__}: {failure}" if failure is not None else repr(last)
            what = describe or getattr(predicate, "__name__", "the condition")
            raise WaitTimeout(f"waited {timeout:g} s for {what}; last seen: {seen}") from failure
        time.sleep(interval)
