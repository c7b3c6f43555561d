"""Many SLOs at once: their domain objects, their resources, and a ledger that remembers 35 days of each."""

from decimal import Decimal
from typing import Any, Final

import numpy as np

from backstop.domain.ledger import MINUTE, Ledger
from backstop.domain.slo import SLO, Evaluation, Objective, RatioIndicator, RollingWindow, Uid
from backstop.domain.verdict import DataStatus
from backstop.engine.tracked import Tracked
from backstop.vocabulary import BURN_WINDOWS, Reason

# Beside the burn windows: as many windows as an SLO may have, all of other lengths.
WINDOWS: Final = (
    RollingWindow(name="30d", seconds=30 * 86_400),
    RollingWindow(name="14d", seconds=14 * 86_400),
    RollingWindow(name="7d", seconds=7 * 86_400),
    RollingWindow(name="12h", seconds=12 * 3600),
)
ALL_WINDOWS: Final = len(BURN_WINDOWS) + len(WINDOWS)
NOW: Final = 1_772_366_400 + 40  # source time; the head is 40 s long, as it is in the middle of a minute's life
SEALED: Final = NOW - 40
GOOD_PER_SECOND: Final = 20.0
BAD_PER_SECOND: Final = 0.004


def slo(number: int, windows: tuple[RollingWindow, ...] = WINDOWS[:1]) -> SLO:
    """Return the SLO of service `number`."""
    name = f"service-{number:05}"
    return SLO(
        uid=Uid(f"00000000-0000-4000-8000-{number:012}"),
        namespace=f"team-{number % 100:02}",
        name=name,
        generation=1,
        objective=Objective(target_percent=Decimal("99.9")),
        windows=windows,
        indicator=_indicator(name),
        source="default",
        evaluation=Evaluation(),
    )


def resource(number: int) -> dict[str, Any]:
    """Return the same SLO as the API server has it, with one window of 30 days."""
    one = slo(number)
    indicator = _indicator(one.name)
    return {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": "SLO",
        "metadata": {"name": one.name, "namespace": one.namespace, "uid": one.uid, "generation": one.generation},
        "spec": {
            "target": 99.9,
            "windows": [{"name": "30d", "rolling": "30d"}],
            "indicator": {"ratio": {"total": indicator.total, "bad": indicator.bad}},
        },
    }


def fill(ledger: Ledger, rows: list[int], sealed: int = SEALED) -> None:
    """Give rows a history of steady traffic that fills every ring up to the boundary `sealed`, and a head of 40 s.

    What `append` and `prepend` would write in some minutes, written at once.
    """
    numbers = np.array(rows)
    for ring in ledger._rings:
        step, slots = ring.tier.step, ring.tier.slots
        newest = sealed // step * step
        boundaries = newest - step * np.arange(slots)
        columns = (boundaries // step) % slots
        elapsed = (boundaries - sealed).astype(float)
        ring.good[numbers[:, None], columns] = elapsed * GOOD_PER_SECOND
        ring.bad[numbers[:, None], columns] = elapsed * BAD_PER_SECOND
        ring.unknown[numbers[:, None], columns] = 0
        ring.newest[numbers], ring.oldest[numbers] = newest, boundaries[-1]
    for row in rows:
        ledger.set_head(row, end=sealed + 40.0, good=40 * GOOD_PER_SECOND, bad=40 * BAD_PER_SECOND, unknown_seconds=0.0)


def full_ledger(count: int) -> tuple[Ledger, list[int]]:
    """Return a ledger with `count` full rows, and the rows."""
    ledger = Ledger()
    rows = [ledger.add(SEALED // MINUTE * MINUTE) for _ in range(count)]
    fill(ledger, rows)
    return ledger, rows


def tracked(count: int, windows: tuple[RollingWindow, ...] = WINDOWS) -> tuple[Ledger, list[Tracked]]:
    """Return SLOs as the evaluator holds them after a tick, on a full ledger."""
    ledger, rows = full_ledger(count)
    data = DataStatus(available=True, reason=Reason.SAMPLES_FRESH, message="samples arrive", since=float(SEALED))
    return ledger, [
        Tracked(slo=slo(number, windows), ledger=ledger, row=row, data=data) for number, row in enumerate(rows)
    ]


def _indicator(service: str) -> RatioIndicator:
    return RatioIndicator(
        total=f'http_requests_total{{service="{service}"}}',
        bad=f'http_requests_total{{service="{service}",code=~"5.."}}',
    )
