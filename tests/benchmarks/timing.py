"""Repeated timing. CPU time of this thread, so that other processes on the machine disturb it little."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_EVICTING = np.zeros(8 * 2**20)  # 64 MiB: more than the caches of one core hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds per repetition."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def spread(self, factor: float) -> str:
        """Return repetitions and quartiles in the unit that `factor` makes of seconds, for `setup`."""
        low, _, high = statistics.quantiles(self.seconds, n=4)
        return f"median of {len(self.seconds)}, quartiles {low * factor:.3g} to {high * factor:.3g}"


def repeat(work: Callable[[], object], repetitions: int, *, clock: Callable[[], float] = time.thread_time) -> Timing:
    """Time `work`, after one run that is not counted."""
    work()
    seconds = []
    for _ in range(repetitions):
        started = clock()
        work()
        seconds.append(clock() - started)
    return Timing(seconds=tuple(seconds))


def repeat_cold(work: Callable[[], object], repetitions: int) -> Timing:
    """Time `work` as it runs after something else: before each repetition the caches are filled with other data."""
    work()
    seconds = []
    for _ in range(repetitions):
        _EVICTING.__iadd__(1.0)
        started = time.thread_time()
        work()
        seconds.append(time.thread_time() - started)
    return Timing(seconds=tuple(seconds))
