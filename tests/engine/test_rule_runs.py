"""Runs that Kubernetes deleted are remembered, and what may have been missed between two reads is not claimed."""

import pytest

from backstop.domain.alert_facts import RunFacts, RunHistory
from backstop.engine.rule_runs import MAX_REMEMBERED, Remembered, remember


def failed(at):
    return RunFacts(name=f"run-{at:g}", finished_at=at, succeeded=False)


def a_history(*runs, since=None, created_at=0.0, **known):
    return RunHistory(runs=runs, complete_since=since, created_at=created_at, **known)


def test_a_first_read_is_taken_as_it_is():
    read = a_history(failed(50), since=40)
    assert remember(None, read, at=100) == Remembered(read, 100)


def test_where_nobody_can_tell_it_is_complete_since_somebody_watches():
    watched = remember(None, a_history(), at=100)
    assert watched.history.complete_since == 100
    assert remember(watched, a_history(), at=5000).history.complete_since == 100


def test_failed_runs_of_which_only_the_newest_is_kept_are_counted_over_time():
    known = remember(None, a_history(since=0), at=100)
    for at in (110, 170, 230):  # each takes the place of the one before
        known = remember(known, a_history(failed(at), since=at), at=at + 20)
    assert {run.finished_at for run in known.history.runs} == {110, 170, 230}
    assert known.history.complete_since == 0


def test_a_run_that_was_deleted_is_remembered_and_what_was_complete_stays_so():
    known = remember(None, a_history(failed(50), since=0), at=100)
    later = remember(known, a_history(since=70), at=130)
    assert later.history.runs == (failed(50),)
    assert later.history.complete_since == 0


def test_a_gap_in_which_runs_may_have_come_and_gone_is_told():
    known = remember(None, a_history(failed(50), since=0), at=100)
    after_a_pause = remember(known, a_history(failed(5000), since=5000), at=5010)
    assert after_a_pause.history.complete_since == 5000
    assert {run.finished_at for run in after_a_pause.history.runs} == {50, 5000}


def test_jobs_that_vanish_at_their_end_are_never_known_to_be_complete():
    known = remember(None, a_history(since=100), at=100)
    assert remember(known, a_history(since=130), at=130).history.complete_since == 130


def test_a_cron_job_made_anew_under_the_same_name_has_no_past():
    known = remember(None, a_history(failed(50), since=0), at=100)
    assert remember(known, a_history(since=120, created_at=120.0), at=130).history == a_history(
        since=120, created_at=120.0
    )


def test_what_the_cron_job_says_is_taken_from_the_newest_read():
    known = remember(None, a_history(since=0, tells_last_success=True, suspended=True), at=100)
    read = a_history(since=0, tells_last_success=True, last_success_at=110.0)
    assert remember(known, read, at=130).history == read


@pytest.mark.parametrize("more", [1, 50])
def test_no_more_than_the_newest_are_remembered(more):
    runs = [failed(float(at)) for at in range(1, MAX_REMEMBERED + more + 1)]
    history = remember(None, a_history(*runs, since=0), at=1000).history
    assert len(history.runs) == MAX_REMEMBERED
    assert history.complete_since == min(run.finished_at for run in history.runs) == more + 1
