"""What alerts do to an incident."""

from dataclasses import replace

import pytest

from backstop.domain.alert import AlertStatus
from backstop.domain.alert_policy import Severity
from backstop.domain.incident_answers import answered
from backstop.domain.incident_transitions import (
    ASK_SECONDS,
    GONE_SECONDS,
    evidence_missing,
    followed,
    is_new_fire,
    looked_after,
    may_reopen,
)
from backstop.vocabulary import AlertReason, Annotation, IncidentState, TimelineKind
from tests.domain.incident_cases import (
    BLIND,
    FAST,
    NOW,
    SLOW,
    a_policy,
    a_reading,
    a_rule,
    an_alert,
    an_incident,
    now_is,
)

CLEAR, FIRING, UNKNOWN = AlertStatus.CLEAR, AlertStatus.FIRING, AlertStatus.UNKNOWN


def kinds(incident):
    return [entry.kind for entry in incident.timeline]


def told(incident):
    return [(n.cause, n.channel) for n in incident.notifications]


def gone(alert, at):
    return now_is(alert, CLEAR, at, reason=AlertReason.SUBJECT_GONE, message="the SLO does not exist any more")


def test_it_opens_with_the_worst_severity_and_the_earliest_beginning():
    incident = an_incident(an_alert(SLOW, since=NOW - 100), an_alert(FAST))
    assert incident.severity is Severity.P0
    assert incident.started_at == NOW - 160
    assert incident.first_fired_at == NOW - 100
    assert incident.alert_count == 2


def test_the_same_reading_again_changes_nothing():
    incident = an_incident()
    assert followed(incident, a_reading(an_alert(), at=NOW + 5)) == incident


def test_numbers_that_move_change_nothing():
    incident = an_incident()
    moved = now_is(an_alert(), FIRING, NOW, message="burns 21.3 times too fast", at=NOW + 30)
    assert followed(incident, a_reading(moved, at=NOW + 30)) == incident


def test_a_worse_alert_raises_and_tells_everybody():
    incident = an_incident(an_alert(SLOW))
    raised = followed(incident, a_reading(an_alert(SLOW), an_alert(FAST, since=NOW + 60), at=NOW + 60))
    assert raised.severity is Severity.P0
    assert TimelineKind.RAISED in kinds(raised)
    assert told(raised) == [("Opened", "team"), ("Raised", "team"), ("Raised", "oncall")]


def test_a_lesser_alert_never_lowers():
    incident = followed(an_incident(an_alert(FAST), an_alert(SLOW)), a_reading(
        now_is(an_alert(FAST), CLEAR, NOW + 60), an_alert(SLOW), at=NOW + 60))  # fmt: skip
    assert incident.severity is Severity.P0
    assert incident.state is IncidentState.OPEN


def test_what_fires_already_does_not_take_back_what_a_person_said_of_the_severity():
    incident = an_incident()
    lowered = answered(incident, {Annotation.SEVERITY: "P3", Annotation.SEVERITY_BY: "ann"}, NOW + 10)
    again = followed(lowered, a_reading(an_alert(), at=NOW + 20))
    assert again.severity is Severity.P3
    cleared = followed(again, a_reading(now_is(an_alert(), CLEAR, NOW + 30), an_alert(SLOW), at=NOW + 30))
    fires_anew = now_is(an_alert(), FIRING, NOW + 40)
    assert followed(cleared, a_reading(fires_anew, an_alert(SLOW), at=NOW + 40)).severity is Severity.P0


def test_it_resolves_only_when_every_alert_is_known_to_be_clear():
    incident = an_incident(an_alert(FAST), an_alert(SLOW))
    half = followed(incident, a_reading(now_is(an_alert(FAST), CLEAR, NOW + 10), an_alert(SLOW), at=NOW + 10))
    assert half.state is IncidentState.OPEN
    both = followed(half, a_reading(
        now_is(an_alert(FAST), CLEAR, NOW + 10), now_is(an_alert(SLOW), CLEAR, NOW + 20), at=NOW + 20))  # fmt: skip
    assert both.state is IncidentState.RESOLVED
    assert both.resolution == (
        "clear by known evidence: fast of SLO/availability, slow of SLO/availability; the last: slow is Clear"
    )


def test_an_alert_whose_evidence_is_unknown_holds_it_open():
    incident = an_incident(an_alert(FAST), an_alert(SLOW))
    reading = a_reading(now_is(an_alert(FAST), UNKNOWN, NOW + 10), now_is(an_alert(SLOW), CLEAR, NOW + 10), at=NOW + 10)
    held = followed(incident, reading)
    assert held.state is IncidentState.OPEN
    assert not held.evidence_known


def test_a_firing_alert_whose_evidence_is_lost_holds_it_open_and_the_evidence_comes_back():
    blind = now_is(an_alert(), FIRING, NOW, unknown_since=NOW + 10)
    lost = followed(an_incident(), a_reading(blind, at=NOW + 20))
    assert (lost.state, lost.evidence_known) == (IncidentState.OPEN, False)
    back = followed(lost, a_reading(an_alert(), at=NOW + 30))
    assert back.evidence_known
    assert kinds(back)[-2:] == [TimelineKind.EVIDENCE_LOST, TimelineKind.EVIDENCE_BACK]


def test_after_a_day_of_unknown_evidence_it_asks_to_be_closed_once():
    blind = now_is(an_alert(), FIRING, NOW, unknown_since=NOW + 10)
    incident = followed(an_incident(), a_reading(blind, at=NOW + 20))
    early = looked_after(incident, NOW + 10 + ASK_SECONDS - 1)
    assert early.asked_to_close_at is None
    for at in (NOW + 10 + ASK_SECONDS, NOW + 20 + ASK_SECONDS):
        incident = looked_after(incident, at)
    assert kinds(incident).count(TimelineKind.ASK_TO_CLOSE) == 1
    assert incident.state is IncidentState.OPEN


def test_a_subject_that_is_gone_closes_it_and_is_called_no_proof():
    incident = followed(an_incident(), a_reading(gone(an_alert(), NOW + 5), at=NOW + 5))
    assert incident.state is IncidentState.RESOLVED
    assert "gone, which is no proof that it is well" in incident.resolution
    assert "known evidence" not in incident.resolution


def test_an_alert_that_its_policy_does_not_know_for_a_moment_holds_it_open():
    vanished = followed(an_incident(), a_reading(at=NOW + 5))
    assert vanished.state is IncidentState.OPEN
    assert followed(vanished, a_reading(an_alert(), at=NOW + 10)).alerts == an_incident().alerts
    assert looked_after(vanished, NOW + 5 + GONE_SECONDS - 1).state is IncidentState.OPEN
    assert looked_after(vanished, NOW + 5 + GONE_SECONDS).state is IncidentState.RESOLVED


def test_evidence_that_comes_back_after_an_absence_is_no_new_fire():
    incident = an_incident()
    lowered = answered(incident, {Annotation.SEVERITY: "P3", Annotation.SEVERITY_BY: "ann"}, NOW + 10)
    missing = evidence_missing(lowered, NOW + 700)
    assert not missing.evidence_known
    back = followed(missing, a_reading(an_alert(), at=NOW + 800))
    assert back.severity is Severity.P3
    assert TimelineKind.JOINED not in kinds(back)


@pytest.mark.parametrize(("after", "reopens"), [(1800.0, True), (1801.0, False)])
def test_a_fire_reopens_within_the_planned_time_only(after, reopens):
    resolved = followed(an_incident(), a_reading(now_is(an_alert(), CLEAR, NOW + 60), at=NOW + 60))
    fires = a_reading(now_is(an_alert(), FIRING, NOW + 60 + after), at=NOW + 60 + after)
    assert is_new_fire(resolved, fires)
    assert may_reopen(resolved, fires.at) is reopens
    assert (followed(resolved, fires).state is IncidentState.OPEN) is reopens


def test_reopening_forgets_the_resolution_and_the_acknowledgement_and_remembers_the_rest():
    acknowledged = answered(an_incident(), {Annotation.ACKNOWLEDGED_BY: "ann"}, NOW + 5)
    resolved = followed(acknowledged, a_reading(now_is(an_alert(), CLEAR, NOW + 60), at=NOW + 60))
    open_again = followed(resolved, a_reading(now_is(an_alert(), FIRING, NOW + 90), at=NOW + 90))
    assert (open_again.reopened, open_again.resolution, open_again.acknowledged_by) == (1, None, None)
    assert open_again.timeline[: len(resolved.timeline)] == resolved.timeline
    assert told(open_again)[-1] == ("Reopened", "oncall")
    assert open_again.started_at == acknowledged.started_at


def test_a_reading_from_before_the_resolution_does_not_reopen():
    resolved = followed(an_incident(), a_reading(now_is(an_alert(), CLEAR, NOW + 60), at=NOW + 60))
    assert not is_new_fire(resolved, a_reading(an_alert(), at=NOW + 30))


def test_the_plan_is_that_of_the_opening_whatever_becomes_of_the_policy():
    incident = an_incident(an_alert(SLOW))
    edited = a_rule("fast", Severity.P0, notify=("somebody-else",), acknowledge_within_seconds=1.0)
    reading = a_reading(an_alert(SLOW), an_alert(edited, since=NOW + 5), at=NOW + 5, policy=a_policy(edited, SLOW))
    grown = followed(incident, reading)
    assert grown.plan == incident.plan
    assert ("Raised", "oncall") in told(grown)
    assert not any(channel == "somebody-else" for _, channel in told(grown))


def test_channels_of_a_rule_that_came_later_are_told_too():
    late = a_rule("late", Severity.P3, notify=("database-team",))
    grown = followed(an_incident(), a_reading(an_alert(), an_alert(late, slo="latency", since=NOW + 5), at=NOW + 5))
    assert told(grown)[-1] == ("Opened", "database-team")


def test_a_lesser_burn_rate_of_the_same_slo_is_held_back_until_the_worse_one_is_clear():
    both = an_incident(an_alert(FAST), an_alert(SLOW))
    assert told(both) == [("Opened", "oncall")]
    reading = a_reading(now_is(an_alert(FAST), CLEAR, NOW + 10), an_alert(SLOW), at=NOW + 10)
    assert told(followed(both, reading)) == [("Opened", "oncall"), ("Opened", "team")]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(an_alert(SLOW, slo="latency"), id="another SLO"),
        pytest.param(an_alert(SLOW, group=(("region", "eu"),)), id="another group"),
        pytest.param(an_alert(BLIND), id="not a burn rate"),
    ],
)
def test_nothing_else_is_held_back(other):
    assert set(told(an_incident(an_alert(FAST), other))) == {("Opened", "oncall"), ("Opened", "team")}


def test_a_policy_may_hold_nothing_back():
    policy = a_policy(inhibit=False)
    assert len(told(an_incident(an_alert(FAST), an_alert(SLOW), policy=policy))) == 2


def test_the_resolution_is_told_to_who_was_told_before():
    incident = followed(an_incident(), a_reading(now_is(an_alert(), CLEAR, NOW + 60), at=NOW + 60))
    assert told(incident) == [("Opened", "oncall"), ("Resolved", "oncall")]


def test_notifications_have_ids_of_their_own_in_the_order_of_their_numbers():
    incident = followed(an_incident(), a_reading(now_is(an_alert(), CLEAR, NOW + 60), at=NOW + 60))
    assert [n.id for n in incident.notifications] == [f"{incident.name}-opened-1", f"{incident.name}-resolved-2"]
    assert [n.sequence for n in incident.notifications] == [1, 2]


def test_the_review_counts_from_the_first_bad_evidence():
    alert = an_alert(since=NOW - 20, started_at=NOW - 100)
    incident = answered(an_incident(alert), {Annotation.ACKNOWLEDGED_BY: "ann"}, NOW + 30)
    over = followed(incident, a_reading(now_is(alert, CLEAR, NOW + 200), at=NOW + 210))
    review = over.review
    assert review is not None
    assert (review.detect_seconds, review.acknowledge_seconds) == (80, 30)
    assert (review.mitigate_seconds, review.resolve_seconds) == (300, 310)


def test_more_alerts_than_it_names_are_counted_and_hold_it_open():
    alerts = [an_alert(FAST, slo=f"slo-{n:03}") for n in range(150)]
    incident = an_incident(*alerts)
    assert (len(incident.alerts), incident.alert_count) == (100, 150)
    assert followed(incident, a_reading(*alerts, at=NOW + 1)) == incident
    named = {entry.subject for entry in incident.alerts}
    most = [now_is(alert, CLEAR, NOW + 5) if alert.subject.name in named else alert for alert in alerts]
    assert followed(incident, a_reading(*most, at=NOW + 5)).state is IncidentState.OPEN
    every = [now_is(alert, CLEAR, NOW + 6) for alert in alerts]
    assert followed(incident, a_reading(*every, at=NOW + 6)).state is IncidentState.RESOLVED


def test_what_a_person_opened_is_left_alone_by_time():
    opened = replace(an_incident(), policy_uid=None, alerts=())
    assert looked_after(opened, NOW + 10 * ASK_SECONDS) == opened
    assert evidence_missing(opened, NOW) == opened
