"""What the engine writes into `.status` is what the schema of the CRD has: nothing is pruned, nothing refused."""

from datetime import UTC, datetime

import pytest

from backstop.api.crd import SLO as KIND
from backstop.api.v1alpha1.slo_status import SLOStatus
from backstop.domain.assessment import Assessment, HistoryStatus
from backstop.domain.budget import WindowCounts, budget
from backstop.domain.errors import SpecError
from backstop.domain.health import Health, HealthVerdict
from backstop.domain.verdict import DataStatus, Verdict
from backstop.engine.status import assessed_status, refused_status
from backstop.vocabulary import BURN_WINDOWS, Condition, Reason, State
from tests.builders import HOUR, a_slo

NOW = datetime(2026, 3, 1, 10, 2, 11, tzinfo=UTC)

OF_SLOS = set(Condition) - {Condition.EVIDENCE_KNOWN, Condition.DELIVERING}  # of incidents, and of channels


def assessment(state: State, *, good: float = 99_900.0, bad: float = 69.0) -> Assessment:
    slo = a_slo()
    counts = WindowCounts(name=HOUR.name, seconds=HOUR.seconds, good=good, bad=bad, unknown_seconds=7.2)
    return Assessment(
        slo=slo,
        at=NOW.timestamp(),
        budgets=(budget(counts, slo.objective, no_traffic=slo.evaluation.no_traffic, burn_rate=14.4),),
        burn_rates=dict.fromkeys(BURN_WINDOWS, 1.25),
        data=DataStatus(available=True, reason=Reason.SAMPLES_FRESH, message="fresh", since=NOW.timestamp()),
        verdict=Verdict(
            state=state, healthy=state is State.HEALTHY, reason=Reason.WITHIN_BUDGET, message="enough left"
        ),
        witness=Health(verdict=HealthVerdict.HEALTHY, reason=Reason.ENDPOINTS_READY, message="3 ready"),
        groups=(),
        history=HistoryStatus(start=0.0, known_from=0.0, complete=True, lost_edges=()),
        scrape_interval_seconds=15.0,
        clock_skew_seconds=0.1,
    )


@pytest.mark.parametrize("state", State)
def test_an_assessed_status_fits_the_schema_with_and_without_a_past(state: State) -> None:
    first = assessed_status(assessment(State.HEALTHY), generation=1, previous=None, now=NOW)
    then = assessed_status(assessment(state), generation=2, previous=first, now=NOW)
    for status in (first, then):
        SLOStatus.model_validate(status)
    assert {condition["type"] for condition in then["conditions"]} == {str(condition) for condition in OF_SLOS}


def test_a_status_without_any_event_fits_the_schema() -> None:
    status = assessed_status(assessment(State.UNKNOWN, good=0, bad=0), generation=1, previous=None, now=NOW)
    SLOStatus.model_validate(status)


def test_a_refused_status_fits_the_schema() -> None:
    problem = SpecError("spec.target", "is missing; write for example 99.9")
    past = assessed_status(assessment(State.AT_RISK), generation=1, previous=None, now=NOW)
    status = refused_status(problem, Reason.INVALID, generation=2, previous=past, now=NOW)
    assert SLOStatus.model_validate(status).last_known is not None


def test_every_column_reads_a_field_that_exists() -> None:
    roots = {"spec": KIND.spec, "status": KIND.status}
    for column in KIND.columns:
        _, root, field, *_ = column.path.replace("[", ".[").split(".")
        if root != "metadata":
            names = {info.alias or name for name, info in roots[root].model_fields.items()}
            assert field in names, column.name
