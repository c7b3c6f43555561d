"""Judges the rules of a policy about an SLO that was just assessed: about the whole, and about each of its groups."""

from collections.abc import Callable, Iterable, Sequence

from backstop.domain.alert import Finding, Subject, SubjectKind
from backstop.domain.alert_judging_slo import SloEvidence, judge_slo_rule, windows_asked
from backstop.domain.alert_policy import AlertPolicy
from backstop.domain.alert_tiers import EffectiveRule, RefusedRule
from backstop.domain.assessment import Assessment, GroupAssessment
from backstop.domain.label_value import shown_value
from backstop.domain.slo import SLO
from backstop.engine.alert_book import AlertBook
from backstop.engine.burning import all_bad_for, bad_since
from backstop.engine.tracked import Tracked
from backstop.vocabulary import AlertReason

Rules = Sequence[EffectiveRule | RefusedRule]
Began = Callable[[int, float], float | None]  # from a row and a moment to since when it burns, unix seconds


def concerns(policy: AlertPolicy, slo: SLO) -> bool:
    """Tell whether rules about SLOs of a policy are about one of its namespace."""
    return policy.slos is None or policy.slos.matches(slo.name, slo.labels)


def windows_of(rules: Rules, slo: SLO) -> set[float]:
    """Return the lengths, in seconds, of which an assessment has to have the counts so that rules can be judged."""
    windows = windows_asked(rules)
    return windows | {slo.evaluation.all_bad_for_seconds} if windows else windows


def burning_rule(books: Iterable[tuple[AlertBook, Rules]], slo: SLO) -> str | None:
    """Return the worst burnRate rule that fires about an SLO as a whole, as policy/rule (semantics B7)."""
    whole = Subject(kind=SubjectKind.SLO, name=slo.name).key
    firing = [
        (alert.severity.rank, f"{alert.policy}/{alert.rule}")
        for book, rules in books
        for rule in rules
        if isinstance(rule, EffectiveRule) and rule.burn is not None
        if (alert := book.alerts.get((rule.rule.name, whole))) is not None and alert.firing
    ]
    return min(firing)[1] if firing else None


def judge_slo(
    book: AlertBook, rules: Rules, assessment: Assessment, tracked: Tracked, *, began: Began | None = None
) -> None:
    """Judge rules, and write what they say into the book of their policy.

    `began` tells since when a row burns; the ledger is asked where it is None.
    """
    parts: list[tuple[tuple[tuple[str, str], ...], Assessment | GroupAssessment, int | None]] = [
        ((), assessment, tracked.row)
    ]
    rows = dict(tracked.groups)
    for group in assessment.groups:
        row = rows.get(tuple(group.labels[label] for label in assessment.slo.group_by))
        parts.append((_shown(group), group, row))
    slo, at = assessment.slo, assessment.at
    for labels, part, row in parts:
        subject = Subject(kind=SubjectKind.SLO, name=slo.name, group=labels, service=slo.service)
        evidence = SloEvidence(
            slo=slo,
            at=at,
            data=assessment.data,
            budgets={budget.counts.name: budget for budget in part.budgets},
            counts=part.rule_counts,
            all_bad_seconds=_all_bad(part, tracked, row, slo, at),
            bad_since=_bad_since(part, tracked, row, at, began),
        )
        for rule in rules:
            if isinstance(rule, EffectiveRule):
                book.found(rule.rule, subject, judge_slo_rule(rule, evidence), at=at)
    _silent_groups(book, rules, assessment)


def _shown(group: GroupAssessment) -> tuple[tuple[str, str], ...]:
    """Return the labels of a group as a status can hold them: the alert has to be the same after a restart."""
    return tuple((label, shown_value(value)) for label, value in sorted(group.labels.items()))


def _silent_groups(book: AlertBook, rules: Rules, assessment: Assessment) -> None:
    """A group without an event in its windows burns nothing, as far as the SLO is known at all."""
    known = book.groups_of(assessment.slo.name)
    if not known:
        return
    seen = {_shown(group) for group in assessment.groups}
    by_name = {rule.rule.name: rule for rule in rules if isinstance(rule, EffectiveRule)}
    finding = Finding(
        holds=False if assessment.data.available else None,
        reason=AlertReason.NOT_BURNING if assessment.data.available else AlertReason.EVIDENCE_UNKNOWN,
        message="no event of this group in the window" if assessment.data.available else assessment.data.message,
    )
    for alert in known:
        if alert.subject.group not in seen and (rule := by_name.get(alert.rule)) is not None:
            book.found(rule.rule, alert.subject, finding, at=assessment.at)


def _all_bad(part: Assessment | GroupAssessment, tracked: Tracked, row: int | None, slo: SLO, at: float) -> float:
    """Return for how long only bad events came; asked of the ledger only where that may be so (semantics A3)."""
    seconds = slo.evaluation.all_bad_for_seconds
    counts = part.rule_counts.get(seconds)
    if counts is None or row is None or counts.bad <= 0 or counts.good > 0:
        return 0.0
    return all_bad_for(tracked, row, at=at, seconds=2 * seconds)


def _bad_since(
    part: Assessment | GroupAssessment, tracked: Tracked, row: int | None, at: float, began: Began | None
) -> float | None:
    """Return since when it burns; asked of the ledger only while it does."""
    burns = any(counts.bad > 0 for counts in part.rule_counts.values()) and max(part.burn_rates.values(), default=0) > 1
    if not burns or row is None:
        return None
    return bad_since(tracked, row, at=at) if began is None else began(row, at)
