"""A rule is judged by the evidence that it asked for, and a label with very many values stays bounded."""

from decimal import Decimal

import pytest

from backstop.domain.alert import Subject, SubjectKind
from backstop.domain.alert_facts import NodeFacts, RunHistory, SampleFacts, Unreadable
from backstop.domain.alert_policy import NodeCondition, NoSuccess, Query, Rule, Runs, Severity
from backstop.domain.slo import Comparison
from backstop.engine.rule_evidence import Evidence
from backstop.engine.rule_judging import judge_rule
from backstop.engine.rule_targets import MAX_TARGETS

QUERY = Query(expression="restarts", op=Comparison.GT, value=Decimal(5), source="default", target_label="pod")
NODES = NodeCondition(type="Ready", statuses=frozenset({"False"}))
RUNS = NoSuccess(of=Runs(cron_job="backup"), within_seconds=60)
WHOLE = Subject(kind=SubjectKind.QUERY, name="rule")


def judged(when, facts, known=()):
    rule = Rule(name="rule", severity=Severity.P1, when=when)
    return judge_rule(rule, Evidence(1000.0, facts), known)


def series(count, value):
    return tuple(SampleFacts(labels={"pod": f"p{n:04d}"}, value=value(n)) for n in range(count))


@pytest.mark.parametrize(
    ("when", "facts", "subject"),
    [
        (QUERY, series(1, float), Subject(kind=SubjectKind.TARGET, name="p0000")),
        (NODES, (NodeFacts(name="worker-1"),), Subject(kind=SubjectKind.NODE, name="worker-1")),
        (RUNS, RunHistory(runs=(), complete_since=0.0), Subject(kind=SubjectKind.CRON_JOB, name="backup")),
    ],
)
def test_each_kind_of_rule_is_judged_by_its_evidence(when, facts, subject):
    assert list(judged(when, facts)) == [subject]


@pytest.mark.parametrize("when", [QUERY, NODES, RUNS])
def test_what_cannot_be_read_is_unknown_with_its_reason(when):
    ((_, finding),) = judged(when, Unreadable("nobody answers")).items()
    assert (finding.holds, finding.message) == (None, "nobody answers")


def test_values_that_are_well_make_way_for_those_that_are_not():
    found = judged(QUERY, series(900, lambda n: 10.0 if n % 100 == 0 else 0.0))
    assert len(found) == MAX_TARGETS
    assert sum(finding.holds is True for finding in found.values()) == 9
    assert WHOLE not in found


def test_more_values_that_hold_than_are_judged_are_told_of_the_rule_itself():
    found = judged(QUERY, series(130, lambda n: 10.0))
    assert sum(finding.holds is True for finding in found.values()) == MAX_TARGETS
    assert found[WHOLE].holds is None
    assert found[WHOLE].message.startswith("30 more hold or are unknown")
