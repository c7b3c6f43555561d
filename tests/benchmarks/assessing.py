"""How long it takes to judge all SLOs once their slices are stored, and to build one status of that."""

from datetime import UTC, datetime
from typing import Final

from backstop.engine.assess import assess
from backstop.engine.status import assessed_status
from tests.benchmarks import fleet
from tests.benchmarks.figures import Figure, Measured
from tests.benchmarks.timing import repeat

ASSESS: Final = Figure(
    name="assess_10k_ms",
    what="Windows, burn rates, budgets and states of 10,000 SLOs, per tick",
    unit="ms of CPU",
    target=None,
)
STATUS: Final = Figure(name="status_build_us", what="Building the status of one SLO", unit="µs of CPU", target=None)
FIGURES: Final = (ASSESS, STATUS)


def measure(*, slos: int = 10_000, repetitions: int = 9) -> list[Measured]:
    """Assess `slos` SLOs on full rows, then build the status of each, with the one before at hand."""
    ledger, tracked = fleet.tracked(slos)
    now = datetime.fromtimestamp(fleet.NOW, UTC)
    assessments = assess(tracked, ledger, at=fleet.NOW, clock_skew_seconds=0.0)
    previous = assessed_status(assessments[0], generation=1, previous=None, now=now)

    def build() -> None:
        for assessment in assessments:
            assessed_status(assessment, generation=1, previous=previous, now=now)

    judged = repeat(lambda: assess(tracked, ledger, at=fleet.NOW, clock_skew_seconds=0.0), repetitions)
    built = repeat(build, repetitions)
    windows = f"{fleet.ALL_WINDOWS} windows each"
    return [
        ASSESS.measured(judged.median * 1e3, f"{slos:,} SLOs of {windows} on full rows; {judged.spread(1e3)}"),
        STATUS.measured(
            built.median / slos * 1e6, f"one SLO of {windows}, as an average of {slos:,}; {built.spread(1e6 / slos)}"
        ),
    ]
