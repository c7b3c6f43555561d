"""Judges rules about the cluster: conditions of nodes, failed runs, runs that never succeed (semantics A9)."""

import math
from collections.abc import Collection, Sequence

from backstop.domain.alert import Finding, Subject, SubjectKind
from backstop.domain.alert_facts import NodeFacts, RunFacts, RunHistory, Unreadable
from backstop.domain.alert_judging import cannot_tell
from backstop.domain.alert_policy import ConsecutiveFailures, NodeCondition, NoSuccess, Rule, Runs
from backstop.domain.duration import format_duration
from backstop.domain.label_value import shown_value
from backstop.vocabulary import AlertReason


def judge_nodes(
    rule: Rule, nodes: Sequence[NodeFacts] | Unreadable, known: Collection[Subject] = ()
) -> dict[Subject, Finding]:
    """Return a finding for each node that the rule's selector matches, and for each in `known` that is gone.

    `known` are the subjects whose alerts are pending or firing. A condition that a node does not report is unknown, as
    Kubernetes's API conventions have it: a component that died reports nothing. While nodes cannot be read, `known` are
    unknown, or the rule itself where there are none.
    """
    when = rule.when
    if not isinstance(when, NodeCondition):
        raise TypeError(f"rule {rule.name} is not about nodes")
    before = sorted((s for s in known if s.kind is SubjectKind.NODE), key=lambda s: s.name)
    if isinstance(nodes, Unreadable):
        lost = cannot_tell(nodes.message)
        return dict.fromkeys(before, lost) if before else {_whole(rule): lost}
    found = {
        Subject(kind=SubjectKind.NODE, name=node.name): _of_node(node, when)
        for node in sorted(nodes, key=lambda node: node.name)
        if when.selector.items() <= node.labels.items()
    }
    existing = {node.name for node in nodes}
    for subject in before:
        why = "does not match the selector any more" if subject.name in existing else "does not exist any more"
        gone = Finding(holds=False, reason=AlertReason.SUBJECT_GONE, message=f"node {subject.name} {why}")
        found.setdefault(subject, gone)
    return found or {_whole(rule): cannot_tell("no node matches the selector")}


def _whole(rule: Rule) -> Subject:
    """The rule itself, where there is no node to speak of."""
    return Subject(kind=SubjectKind.QUERY, name=rule.name)


def _of_node(node: NodeFacts, when: NodeCondition) -> Finding:
    condition = node.conditions.get(when.type)
    if condition is None:
        return cannot_tell(f"node {node.name} reports no condition {when.type}")
    message = f"condition {when.type} of node {node.name} is {condition.status}"
    if condition.status in when.statuses:
        return Finding(
            holds=True,
            reason=AlertReason.CONDITION_PRESENT,
            message=message,
            held_since=condition.since,
            started_at=condition.since,
        )
    return Finding(holds=False, reason=AlertReason.CONDITION_ABSENT, message=message)


def subject_of(runs: Runs) -> Subject:
    """Return what a rule about runs is about: a CronJob, or the Jobs with some labels."""
    if runs.cron_job is not None:
        return Subject(kind=SubjectKind.CRON_JOB, name=runs.cron_job)
    labels = ",".join(f"{key}={value}" for key, value in sorted((runs.jobs or {}).items()))
    return Subject(kind=SubjectKind.JOBS, name=labels)


def judge_runs(rule: Rule, history: RunHistory | Unreadable, at: float) -> dict[Subject, Finding]:
    """Return the finding for what a rule about runs names, at `at` (unix seconds).

    What was deleted may have been a failure or a success: where that could change the answer it is unknown.
    """
    when = rule.when
    if not isinstance(when, ConsecutiveFailures | NoSuccess):
        raise TypeError(f"rule {rule.name} is not about runs")
    subject = subject_of(when.of)
    if isinstance(history, Unreadable):
        return {subject: cannot_tell(history.message)}
    judged = _failures(when, history) if isinstance(when, ConsecutiveFailures) else _no_success(when, history, at)
    return {subject: judged}


def _failures(when: ConsecutiveFailures, history: RunHistory) -> Finding:
    """Judge the runs since the last success: `count` of them that follow each other within the time, and no success.

    It goes on to hold until a run succeeds: that no more runs come proves nothing.
    """
    success, whole_since = _last_success(history), _whole_since(history)
    after = sorted(_failed_after(history, success), key=lambda run: run.finished_at)
    span = format_duration(when.within_seconds)
    told = f"{len(after)} runs failed since the last success" if success > -math.inf else f"{len(after)} runs failed"
    numbers = {"failures": float(len(after)), "count": float(when.count)}
    ends = [
        last
        for first, last in zip(after, after[when.count - 1 :], strict=False)
        if last.finished_at - first.finished_at <= when.within_seconds
        and (history.tells_last_success or whole_since <= first.finished_at)
    ]
    if ends:
        names = ", ".join(shown_value(run.name) for run in after[-3:][::-1])
        message = f"{told}, {when.count} of them within {span}; the newest: {names}"
        return Finding(
            holds=True,
            reason=AlertReason.RUNS_FAILED,
            message=message,
            numbers=numbers,
            held_since=ends[0].finished_at,
            started_at=after[0].finished_at,
        )
    if whole_since <= success or whole_since == -math.inf:
        message = f"{told}, fewer than {when.count} within {span}"
        return Finding(holds=False, reason=AlertReason.RUNS_SUCCEED, message=message, numbers=numbers)
    message = f"{told}; others may have ended before and been deleted"
    return Finding(holds=None, reason=AlertReason.EVIDENCE_UNKNOWN, message=message, numbers=numbers)


def _no_success(when: NoSuccess, history: RunHistory, at: float) -> Finding:
    """Judge when the last success was. What has just been made has had no time to succeed."""
    success, whole_since = _last_success(history), _whole_since(history)
    limit, since = format_duration(when.within_seconds), at - when.within_seconds
    if success > since:
        message = f"the last success was {_ago(success, at)} ago, the limit is {limit}"
        return Finding(holds=False, reason=AlertReason.SUCCEEDED, message=message)
    if history.suspended:
        return cannot_tell("it is suspended: no run is due, so none is missing")
    if not history.tells_last_success and whole_since > since:
        return cannot_tell(f"no success is known, and runs of the last {limit} may have been deleted")
    if success == -math.inf and history.created_at is not None and history.created_at > since:
        return cannot_tell(
            f"no run succeeded yet, {_ago(history.created_at, at)} after it was made; the limit is {limit}"
        )
    began = success if success > -math.inf else history.created_at
    if success > -math.inf:
        message = f"the last success was {_ago(success, at)} ago, the limit is {limit}"
    else:
        message = f"no run ever succeeded, the limit is {limit}"
    return Finding(
        holds=True,
        reason=AlertReason.NO_SUCCESS,
        message=message,
        held_since=None if began is None else began + when.within_seconds,
        started_at=None if began is None else began + when.within_seconds,
    )


def _last_success(history: RunHistory) -> float:
    """Return when the newest run known to have succeeded ended; -inf: none is known."""
    ended = (run.finished_at for run in history.runs if run.succeeded)
    told = history.last_success_at if history.last_success_at is not None else -math.inf
    return max(told, max(ended, default=-math.inf))


def _whole_since(history: RunHistory) -> float:
    """Return from when on no run is missing: -inf always, inf never."""
    if history.complete_since is None:
        return math.inf
    if history.created_at is not None and history.complete_since <= history.created_at:
        return -math.inf  # there was nothing before
    return history.complete_since


def _failed_after(history: RunHistory, success: float) -> list[RunFacts]:
    return [run for run in history.runs if not run.succeeded and run.finished_at > success]


def _ago(then: float, at: float) -> str:
    return format_duration(round(max(at - then, 0.0)))
