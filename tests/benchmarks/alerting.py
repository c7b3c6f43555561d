"""How long it takes to judge the alert rules of all SLOs once they are assessed."""

from typing import Final

from backstop.domain.alert_policy import AlertPolicy
from backstop.domain.alert_tiers import PRESET, effective
from backstop.domain.slo import Uid
from backstop.engine.alert_book import AlertBook
from backstop.engine.assess import assess
from backstop.engine.slo_judging import judge_slo, windows_of
from tests.benchmarks import fleet
from tests.benchmarks.figures import Figure, Measured
from tests.benchmarks.timing import repeat

JUDGE: Final = Figure(
    name="alerts_1k_ms",
    what="Judging the four rules of the preset for 1,000 SLOs, per tick",
    unit="ms of CPU",
    target=None,
)
RULE: Final = Figure(name="alert_rule_us", what="Judging one rule of one SLO", unit="µs of CPU", target=None)
FIGURES: Final = (JUDGE, RULE)

RULES: Final = 4  # tiers of the preset


def measure(*, slos: int = 1_000, repetitions: int = 15) -> list[Measured]:
    """Judge the preset for `slos` SLOs that burn a little, with the state of the tick before at hand."""
    ledger, tracked = fleet.tracked(slos, fleet.WINDOWS[:1])
    policy = AlertPolicy(uid=Uid("policy"), namespace="team-00", name="all", generation=1, slos=None, preset=PRESET)
    for one in tracked:
        one.rule_windows = tuple(sorted(windows_of(effective(policy, one.slo, fleet.NOW), one.slo)))
    assessments = assess(tracked, ledger, at=fleet.NOW, clock_skew_seconds=0.0)
    book = AlertBook(policy)

    def judge() -> None:
        for one, assessment in zip(tracked, assessments, strict=True):
            judge_slo(book, effective(policy, one.slo, assessment.at), assessment, one)

    judged = repeat(judge, repetitions)
    setup = f"{slos:,} SLOs of one 30d window, preset {PRESET}, nothing fires; {judged.spread(1e3)}"
    return [
        JUDGE.measured(judged.median * 1e3, setup),
        RULE.measured(judged.median / slos / RULES * 1e6, f"the same, by rule; {judged.spread(1e6 / slos / RULES)}"),
    ]
