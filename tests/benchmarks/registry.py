"""All benchmarks there are. To add one, write a module with FIGURES and `measure`, and name it here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.benchmarks import (
    alerting,
    assessing,
    help_time,
    ledger_memory,
    ledger_speed,
    low_traffic,
    memory,
    samples_read,
    status_writes,
    ticking,
)
from tests.benchmarks.figures import Figure, Measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One run, and the figures that come out of it together."""

    figures: tuple[Figure, ...]
    measure: Callable[..., list[Measured]]  # without arguments: the sizes that the figures speak of

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(figure.name for figure in self.figures)


BENCHMARKS: Final = tuple(
    Benchmark(figures=module.FIGURES, measure=module.measure)
    for module in (
        ledger_speed,
        ledger_memory,
        assessing,
        ticking,
        alerting,
        memory,
        samples_read,
        status_writes,
        help_time,
        low_traffic,
    )
)


class UnknownName(Exception):
    """There is no benchmark of that name."""


def chosen(name: str | None) -> tuple[Benchmark, ...]:
    """Return the benchmark that measures `name`, or all without a name. Raises UnknownName."""
    if name is None:
        return BENCHMARKS
    found = tuple(benchmark for benchmark in BENCHMARKS if name in benchmark.names)
    if not found:
        known = ", ".join(each for benchmark in BENCHMARKS for each in benchmark.names)
        raise UnknownName(f"no benchmark is named {name!r}; use one of: {known}")
    return found
