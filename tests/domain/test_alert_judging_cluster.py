"""What nodes and runs say of a rule: conditions, failures in a row, successes that never came."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.alert import Subject, SubjectKind
from backstop.domain.alert_facts import ConditionFacts, NodeFacts, RunFacts, RunHistory, Unreadable
from backstop.domain.alert_judging_cluster import judge_nodes, judge_runs, subject_of
from backstop.domain.alert_policy import ConsecutiveFailures, NoData, NodeCondition, NoSuccess, Runs
from backstop.vocabulary import AlertReason
from tests.domain.alert_builders import NOW, a_rule

HOUR = 3600.0
LOST = Unreadable("the Kubernetes API did not answer")
NOT_READY = NodeCondition(type="Ready", statuses=frozenset({"False", "Unknown"}), for_seconds=300)
BACKUP = Runs(cron_job="nightly-backup")
ENCODER = Runs(jobs={"app": "encoder", "tier": "batch"})


def node(name="n1", ready="True", since=NOW - 60, **labels):
    return NodeFacts(name=name, labels=labels, conditions={"Ready": ConditionFacts(status=ready, since=since)})


def subject(name):
    return Subject(kind=SubjectKind.NODE, name=name)


def of_nodes(nodes, when=NOT_READY, known=()):
    return judge_nodes(a_rule(when, name="node"), nodes, known)


@pytest.mark.parametrize(("status", "holds"), [("True", False), ("False", True), ("Unknown", True)])
def test_a_node_has_the_condition_in_one_of_the_statuses_or_not(status, holds):
    found = of_nodes([node(ready=status)])[subject("n1")]
    assert found.holds is holds
    assert found.message == f"condition Ready of node n1 is {status}"
    assert found.reason is (AlertReason.CONDITION_PRESENT if holds else AlertReason.CONDITION_ABSENT)
    assert found.held_since == (NOW - 60 if holds else None)


def test_only_nodes_that_the_selector_matches_are_judged_and_an_empty_one_matches_all():
    nodes = [node("n1", pool="gpu", zone="a"), node("n2", pool="cpu"), node("n3")]
    assert set(of_nodes(nodes, replace(NOT_READY, selector={"pool": "gpu"}))) == {subject("n1")}
    assert set(of_nodes(nodes)) == {subject("n1"), subject("n2"), subject("n3")}


def test_a_condition_that_a_node_does_not_report_is_unknown():
    found = of_nodes([NodeFacts(name="n1")])[subject("n1")]
    assert (found.holds, found.message) == (None, "node n1 reports no condition Ready")


def test_a_node_that_is_gone_is_told_so_if_it_was_alerting():
    found = of_nodes([node("n2")], known=[subject("n1")])
    assert (found[subject("n1")].holds, found[subject("n1")].reason) == (False, AlertReason.SUBJECT_GONE)
    assert found[subject("n1")].message == "node n1 does not exist any more"
    moved = of_nodes([node("n1", pool="cpu")], replace(NOT_READY, selector={"pool": "gpu"}), [subject("n1")])
    assert moved[subject("n1")].message == "node n1 does not match the selector any more"


def test_nodes_that_cannot_be_read_are_unknown_and_not_gone():
    found = of_nodes(LOST, known=[subject("n1")])
    assert (found[subject("n1")].holds, found[subject("n1")].message) == (None, LOST.message)
    (alone,) = of_nodes(LOST).values()
    assert alone.holds is None


def test_a_selector_that_matches_no_node_says_so():
    ((about, found),) = of_nodes([node()], replace(NOT_READY, selector={"pool": "tpu"})).items()
    assert (about.key, found.holds, found.message) == ("Query/node", None, "no node matches the selector")


# runs


def run(minutes_ago, *, succeeded=False, name="run"):
    return RunFacts(name=f"{name}-{minutes_ago}", finished_at=NOW - 60 * minutes_ago, succeeded=succeeded)


def known_runs(*runs, complete_since=0.0, **changes):
    return RunHistory(runs=runs, complete_since=complete_since, **changes)


def failures(history, count=3, within=HOUR):
    when = ConsecutiveFailures(of=ENCODER, count=count, within_seconds=within)
    ((about, found),) = judge_runs(a_rule(when), history, NOW).items()
    assert about.key == "Jobs/app=encoder,tier=batch"
    return found


def successes(history, within=26 * HOUR):
    ((about, found),) = judge_runs(a_rule(NoSuccess(of=BACKUP, within_seconds=within)), history, NOW).items()
    assert about == subject_of(BACKUP) == Subject(kind=SubjectKind.CRON_JOB, name="nightly-backup")
    return found


GOOD = {"succeeded": True}


@pytest.mark.parametrize(
    ("runs", "holds"),
    [
        pytest.param([run(50), run(30), run(10)], True, id="three within the hour"),
        pytest.param([run(70), run(30), run(10)], True, id="exactly an hour from the first to the last"),
        pytest.param([run(71), run(30), run(10)], False, id="a minute more"),
        pytest.param([run(30), run(10)], False, id="two"),
        pytest.param([run(50), run(30), run(20, **GOOD), run(10)], False, id="a success in between resets"),
        pytest.param([run(50), run(30), run(20), run(10, **GOOD)], False, id="a success after them resets"),
        pytest.param([run(60, **GOOD), run(50), run(30), run(10)], True, id="a success before them does not"),
        pytest.param([run(900), run(890), run(880)], True, id="long ago: no success since is no recovery"),
        pytest.param([run(900), run(890), run(880), run(10)], True, id="and one more after long"),
        pytest.param([], False, id="no run"),
        pytest.param([run(1, **GOOD)], False, id="a success alone"),
    ],
)
def test_the_newest_runs_failed_as_many_as_asked_for_within_the_time(runs, holds):
    found = failures(known_runs(*runs, created_at=0.0))
    assert found.holds is holds
    assert found.reason is (AlertReason.RUNS_FAILED if holds else AlertReason.RUNS_SUCCEED)
    assert failures(known_runs(*runs[::-1], created_at=0.0)) == found, "in any order"


def test_failures_are_told_with_their_number_and_the_newest_names():
    found = failures(known_runs(run(60, **GOOD), run(50), run(40), run(30), run(10)))
    assert (
        found.message == "4 runs failed since the last success, 3 of them within 1h; the newest: run-10, run-30, run-40"
    )
    assert (found.held_since, found.started_at) == (NOW - 30 * 60, NOW - 50 * 60)


@pytest.mark.parametrize(
    ("history", "holds"),
    [
        pytest.param(known_runs(run(5), complete_since=NOW - 600), None, id="others may have failed before"),
        pytest.param(known_runs(run(5), complete_since=None), None, id="nobody can tell"),
        pytest.param(known_runs(complete_since=NOW - 600), None, id="none is left"),
        pytest.param(known_runs(run(20, **GOOD), run(5), complete_since=NOW - 600), None, id="or after the success"),
        pytest.param(known_runs(run(9, **GOOD), run(5), complete_since=NOW - 600), False, id="a success since then"),
        pytest.param(known_runs(run(9, **GOOD), run(5), complete_since=NOW - 540), False, id="since the success"),
        pytest.param(known_runs(run(5), complete_since=NOW - 600, created_at=NOW - 600), False, id="none before"),
        pytest.param(known_runs(run(50), run(30), run(10), complete_since=NOW - 600), None, id="or succeeded between"),
        pytest.param(known_runs(run(50), run(30), run(10), complete_since=NOW - 3000), True, id="nothing is missing"),
        pytest.param(
            known_runs(run(50), run(30), run(10), complete_since=None, tells_last_success=True), True,
            id="the CronJob tells that nothing succeeded",
        ),
        pytest.param(
            known_runs(run(50), run(30), run(10), complete_since=None, tells_last_success=True,
                       last_success_at=NOW - 20 * 60), None, id="the CronJob tells of a success whose Job is gone",
        ),
    ],
)  # fmt: skip
def test_deleted_runs_may_have_been_anything(history, holds):
    assert failures(history).holds is holds


@pytest.mark.parametrize(
    ("history", "holds", "message"),
    [
        pytest.param(
            known_runs(run(60, **GOOD)), False, "the last success was 1h ago, the limit is 1d2h", id="an hour ago"
        ),
        pytest.param(
            known_runs(run(27 * 60, **GOOD), run(60)), True, "the last success was 1d3h ago, the limit is 1d2h",
            id="too long ago",
        ),
        pytest.param(
            known_runs(run(60), created_at=NOW - 48 * HOUR), True, "no run ever succeeded, the limit is 1d2h",
            id="never",
        ),
        pytest.param(
            known_runs(created_at=NOW - 48 * HOUR, complete_since=None, tells_last_success=True), True,
            "no run ever succeeded, the limit is 1d2h", id="never ran",
        ),
        pytest.param(
            known_runs(created_at=NOW - HOUR, tells_last_success=True), None,
            "no run succeeded yet, 1h after it was made; the limit is 1d2h", id="just made",
        ),
        pytest.param(
            known_runs(complete_since=None, tells_last_success=True, last_success_at=NOW - HOUR), False,
            "the last success was 1h ago, the limit is 1d2h", id="the CronJob remembers what was deleted",
        ),
        pytest.param(
            known_runs(complete_since=NOW - HOUR), None,
            "no success is known, and runs of the last 1d2h may have been deleted", id="it may have been deleted",
        ),
        pytest.param(
            known_runs(complete_since=None), None,
            "no success is known, and runs of the last 1d2h may have been deleted", id="nobody can tell",
        ),
        pytest.param(
            known_runs(run(60), complete_since=NOW - 27 * HOUR), True, "no run ever succeeded, the limit is 1d2h",
            id="watched for long enough",
        ),
    ],
)  # fmt: skip
def test_no_run_succeeded_within_the_time_or_ever(history, holds, message):
    found = successes(history)
    assert (found.holds, found.message) == (holds, message)


def test_a_success_counts_for_exactly_as_long_as_the_rule_says():
    assert successes(known_runs(run(59, **GOOD)), within=HOUR).holds is False
    assert successes(known_runs(run(60, **GOOD)), within=HOUR).holds is True


def test_a_suspended_cron_job_misses_no_run():
    late = known_runs(run(27 * 60, **GOOD), suspended=True)
    assert (successes(late).holds, successes(late).message) == (
        None,
        "it is suspended: no run is due, so none is missing",
    )
    assert successes(known_runs(run(60, **GOOD), suspended=True)).holds is False


def test_a_success_that_stays_away_holds_since_it_was_due():
    assert successes(known_runs(run(27 * 60, **GOOD))).held_since == NOW - HOUR
    assert successes(known_runs(created_at=NOW - 30 * HOUR)).held_since == NOW - 4 * HOUR
    assert successes(known_runs()).held_since is None


def test_runs_that_cannot_be_read_are_unknown():
    assert failures(LOST).holds is None
    assert (successes(LOST).holds, successes(LOST).message) == (None, LOST.message)


runs_of_a_day = st.lists(
    st.builds(run, st.integers(0, 1440), succeeded=st.booleans()), max_size=8, unique_by=lambda run: run.finished_at
)


@given(runs=runs_of_a_day, deleted=st.sets(st.integers(0, 7)), watched=st.integers(0, 1440), told=st.booleans())
def test_deleting_history_never_turns_the_answer_round(runs, deleted, watched, told):
    """What is said with runs deleted is what is said with all of them, or nothing."""
    ok = max((each.finished_at for each in runs if each.succeeded), default=None)
    whole = known_runs(*runs, created_at=NOW - 48 * HOUR, last_success_at=ok, tells_last_success=True)
    since = NOW - 60 * watched
    left = [each for n, each in enumerate(runs) if n not in deleted or each.finished_at >= since]
    partly = replace(
        whole, runs=tuple(left), complete_since=since, last_success_at=ok if told else None, tells_last_success=told
    )
    for judge in (failures, lambda history: successes(history, within=6 * HOUR)):
        assert judge(partly).holds in {None, judge(whole).holds}


def test_a_rule_of_another_kind_is_a_mistake():
    blind = a_rule(NoData(for_seconds=1), name="blind")
    with pytest.raises(TypeError, match="rule blind is not about runs"):
        judge_runs(blind, LOST, NOW)
    with pytest.raises(TypeError, match="rule blind is not about nodes"):
        judge_nodes(blind, LOST)
