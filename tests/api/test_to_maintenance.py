import copy
import math
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.api.cron import Cron
from backstop.api.review import Outcome, Reviewer
from backstop.api.to_maintenance import check_maintenance, to_maintenance
from backstop.domain.errors import SpecError
from backstop.domain.maintenance import MaintenanceWindow, SLOSelector
from backstop.domain.slo import Uid
from tests.api.maintenance_bodies import (
    ACCEPTED,
    CREATED,
    NOT_SUPPORTED_YET,
    REFUSED_BY_CONDITION,
    REFUSED_BY_THE_SCHEMA,
    on_schedule,
    window_body,
)
from tests.api.test_hostile_input import ANYTHING, places, replaced

AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC).timestamp()


def problem_of(body: Any) -> SpecError:
    with pytest.raises(SpecError) as refused:
        to_maintenance(body)
    return refused.value


def test_a_window_becomes_a_domain_object() -> None:
    assert to_maintenance(window_body()) == MaintenanceWindow(
        uid=Uid("0-1"),
        namespace="shop",
        name="upgrade",
        generation=3,
        slos=SLOSelector(names=frozenset({"checkout"})),
        start=AT,
        end=AT + 7200,
        exclude_from_budget=True,
    )


def test_an_end_means_the_same_as_a_duration() -> None:
    by_end = window_body(duration=..., end="2026-03-02T05:00:00+01:00")
    assert to_maintenance(by_end) == to_maintenance(window_body())


def test_a_schedule_counts_from_the_creation_of_the_object_for_ever() -> None:
    window = to_maintenance(on_schedule(timeZone="Europe/Berlin"))
    assert window.recurrence == Cron("0 2 * * 6", ZoneInfo("Europe/Berlin"))
    assert window.duration_seconds == 7200
    assert (window.start, window.end) == (datetime.fromisoformat(CREATED).timestamp(), math.inf)


def test_a_schedule_counts_between_start_and_end_where_they_are_given() -> None:
    window = to_maintenance(on_schedule(start="2026-03-02T02:00:00Z", end="2026-03-02T04:00:00Z"))
    assert (window.start, window.end) == (AT, AT + 7200)


def test_a_schedule_that_was_over_before_it_was_made_has_no_time() -> None:
    window = to_maintenance(on_schedule(end="2026-02-01T00:00:00Z"))
    assert window.start == window.end


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED)
def test_what_the_server_accepts_is_understood(body: dict[str, Any]) -> None:
    assert to_maintenance(body).start


@pytest.mark.parametrize(("body", "path", "_"), REFUSED_BY_THE_SCHEMA.values(), ids=REFUSED_BY_THE_SCHEMA)
def test_what_the_schema_refuses_is_refused_when_it_was_stored_all_the_same(
    body: dict[str, Any], path: str, _: str
) -> None:
    problem = problem_of(body)
    assert problem.path == path
    assert not problem.not_supported_yet


@pytest.mark.parametrize(("body", "path", "text"), REFUSED_BY_CONDITION.values(), ids=REFUSED_BY_CONDITION)
def test_what_the_schema_cannot_see_is_refused_with_path_and_fix(body: dict[str, Any], path: str, text: str) -> None:
    problem = problem_of(body)
    assert problem.path == path
    assert text in problem.problem


@pytest.mark.parametrize("effect", NOT_SUPPORTED_YET)
def test_an_effect_that_nothing_implements_yet_is_refused_and_never_ignored(effect: str) -> None:
    problem = problem_of(window_body(**{effect: True}))
    assert (problem.path, problem.not_supported_yet) == (f"spec.{effect}", True)


def test_an_object_without_the_time_of_its_creation_cannot_come_from_a_server() -> None:
    body = window_body()
    del body["metadata"]["creationTimestamp"]
    assert problem_of(body).path == "metadata.creationTimestamp"


@pytest.mark.parametrize(("now", "problems"), [(None, 0), ("2026-03-01T12:00:00Z", 0), ("2026-06-01T12:00:00Z", 1)])
def test_offline_how_far_it_reaches_back_is_judged_by_the_present(now: str | None, problems: int) -> None:
    body = window_body()
    body["metadata"] = {"name": "upgrade"}
    checked = check_maintenance(body, now=now if now is None else datetime.fromisoformat(now))
    assert len(checked.problems) == problems


def test_a_file_is_reviewed_line_by_line() -> None:
    body = window_body(slos={"names": ["checkout"], "lables": {}}, duration="forever")
    (review,) = Reviewer().review("window.yaml", yaml.safe_dump(body, sort_keys=False))
    assert review.outcome is Outcome.INVALID
    assert [problem.path for problem in review.problems] == ["spec.slos.lables", "spec.duration"]
    assert "known fields are names, matchLabels" in review.problems[0].text


PLACES = [(body, place) for body in ACCEPTED.values() for place in places(body)]


@settings(deadline=None)
@given(st.sampled_from(PLACES), ANYTHING)
def test_anything_anywhere_is_a_window_or_a_spec_error(target: tuple[Any, tuple[Any, ...]], value: Any) -> None:
    body, place = target
    outcome = read(replaced(copy.deepcopy(body), place, value))
    if isinstance(outcome, SpecError):
        assert len(str(outcome)) < 4096
        assert str(outcome).encode("utf-8", errors="strict")
    else:
        assert outcome.start <= outcome.end


def read(body: Any) -> MaintenanceWindow | SpecError:
    """Return the outcome; anything that is neither escapes as the failure of the test."""
    try:
        return to_maintenance(body)
    except SpecError as refused:
        return refused
