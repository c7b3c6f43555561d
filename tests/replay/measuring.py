"""Backstop's numbers beside those of brute force, for windows of five minutes to thirty days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from backstop.adapters.clock import SystemClock
from backstop.adapters.prometheus.source import connect
from backstop.api.configuration import Source
from backstop.domain.assessment import Assessment
from backstop.domain.duration import parse_duration
from backstop.domain.slo import SLO, Objective, RollingWindow
from backstop.engine.replay import Replay
from tests.builders import a_slo
from tests.history.scenario import Scenario
from tests.history.traffic import DAY

WINDOWS: Final = ("5m", "1h", "6h", "1d", "3d", "7d", "30d")
STEP: Final = 12 * 3600.0  # of a replay; between two moments the engine seals minutes, as the operator does
# A replay looks at the state between its moments, the closer the shorter it is. Nothing is asked of that here.
RARE_LOOKS: Final = 400 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A window that ends at one moment: what Backstop says, and what brute force over the raw samples counts."""

    window: str
    at: float
    total: float
    bad: float
    unknown_seconds: float
    true_total: float
    true_bad: float

    @property
    def ratio_error(self) -> float | None:
        """How far the error ratio is off, relative to the true one; None where that is none, or zero."""
        if not (self.true_bad and self.total):
            return None
        return (self.bad / self.total) / (self.true_bad / self.true_total) - 1

    def differs(self, *, relative: float = 0.01) -> str:
        """Tell what is further off than the tolerance, a share of the true number."""
        wrong = []
        if abs(self.total - self.true_total) > relative * self.true_total + 1e-6:
            wrong.append(f"total {self.total:.1f}, truly {self.true_total:.0f}")
        if self.true_total and self.total:
            ratio, truly = self.bad / self.total, self.true_bad / self.true_total
            if abs(ratio - truly) > relative * truly + 1e-12:
                wrong.append(f"error ratio {ratio:.6f}, truly {truly:.6f}")
        elif self.bad:
            wrong.append(f"{self.bad:.1f} bad events where there were none")
        return f"{self.window} at {self.at:.0f}: {', '.join(wrong)}" if wrong else ""


def slo_of(scenario: Scenario, windows: Sequence[str] = WINDOWS, **changes: object) -> SLO:
    """Return an SLO on a scenario's series, with rolling windows of these lengths."""
    rolling = tuple(RollingWindow(name=name, seconds=parse_duration(name)) for name in windows)
    settings = {
        "uid": scenario.name,
        "name": scenario.name,
        "indicator": scenario.indicator,
        "windows": rolling,
        # So low that the state stays what it is: a replay looks closely at every minute around a change of it.
        "objective": Objective(target_percent=Decimal(1)),
    }
    return a_slo(**(settings | changes))


async def at_first_sight(url: str, slo: SLO, at: float) -> Assessment:
    """Return what the operator would say at a moment if it had just been started."""
    return (await replayed(url, [slo], start=at, moments=[at]))[at][slo.name]


async def replayed(
    url: str, slos: Sequence[SLO], *, start: float, moments: Sequence[float]
) -> dict[float, Mapping[str, Assessment]]:
    """Return what the operator would have said at each of these moments, by name of the SLO, running since `start`."""
    source = connect(Source(name="default", url=url, timeout="60s"))
    told: dict[float, Mapping[str, Assessment]] = {}
    try:
        replay = Replay(source, slos, start=start, end=start + RARE_LOOKS, patience=SystemClock())
        for moment in moments:
            while True:
                at = min(replay.at + STEP, moment)
                seen = await replay.advance(at)
                assert not replay.faults, replay.faults
                if at >= moment:
                    break
            told[moment] = {assessment.slo.name: assessment for assessment in seen.assessments}
    finally:
        await source.close()
    return told


def compare(scenario: Scenario, assessment: Assessment) -> list[Found]:
    """Put brute force beside every window of an assessment that the history fills, from where it says to begin."""
    found = []
    for budget in assessment.budgets:
        counts, at = budget.counts, assessment.at
        begin = at - counts.seconds
        if begin < scenario.start:
            continue
        total, bad = scenario.brute_force(begin, at)
        found.append(
            Found(
                window=counts.name,
                at=at,
                total=counts.good + counts.bad,
                bad=counts.bad,
                unknown_seconds=counts.unknown_seconds,
                true_total=total,
                true_bad=bad,
            )
        )
    return found


def worst(found: Sequence[Found]) -> Found:
    """Return the one whose error ratio is furthest off."""
    return max(found, key=lambda each: abs(each.ratio_error or 0.0))


def as_known(slo: SLO, **evaluation: object) -> SLO:
    """Return an SLO with other settings of its evaluation."""
    return replace(slo, evaluation=replace(slo.evaluation, **evaluation))  # type: ignore[arg-type]
