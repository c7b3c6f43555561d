"""How long all windows of all SLOs take to read from the ledger, and how that grows with their number."""

from typing import Final

import numpy as np

from backstop.domain.duration import parse_duration
from backstop.domain.readout import Readout
from backstop.vocabulary import BURN_WINDOWS
from tests.benchmarks import fleet
from tests.benchmarks.figures import Figure, Measured
from tests.benchmarks.timing import Timing, repeat_cold

LEDGER_EVAL: Final = Figure(
    name="ledger_eval_ms",
    what="All windows and burn rates of 10,000 SLOs from the ledger, per tick",
    unit="ms of CPU",
    target=20,
)
FIGURES: Final = (LEDGER_EVAL,)

_LENGTHS: Final = sorted({parse_duration(name) for name in BURN_WINDOWS} | {window.seconds for window in fleet.WINDOWS})


def measure(*, rows: int = 10_000, fewer: int = 1_000, repetitions: int = 41) -> list[Measured]:
    """Read every window of `rows` rows, and of `fewer`."""
    many, few = _read(rows, repetitions), _read(fewer, repetitions)
    growth = many.median / few.median
    setup = (
        f"{len(_LENGTHS)} windows from 5m to 30d of {rows:,} full rows with a head, caches cold;"
        f" {many.spread(1e3)}; {fewer:,} rows take {few.median * 1e3:.3g} ms, so {rows / fewer:.3g} times the rows"
        f" cost {growth:.3g} times the time"
    )
    return [LEDGER_EVAL.measured(many.median * 1e3, setup)]


def _read(count: int, repetitions: int) -> Timing:
    ledger, rows = fleet.full_ledger(count)
    numbers = np.array(rows, dtype=np.intp)

    def all_windows() -> None:
        readout = Readout(ledger, numbers)
        for length in _LENGTHS:
            readout.between(readout.begin(fleet.NOW, length), fleet.NOW)

    return repeat_cold(all_windows, repetitions)
