"""Judges a rule that is not about SLOs by its newest evidence."""

from collections.abc import Collection

from backstop.domain.alert import Finding, Subject, SubjectKind
from backstop.domain.alert_facts import NodeFacts, RunHistory, SampleFacts, Unreadable
from backstop.domain.alert_judging import cannot_tell
from backstop.domain.alert_judging_cluster import judge_nodes, judge_runs
from backstop.domain.alert_judging_query import judge_query
from backstop.domain.alert_policy import NodeCondition, Query, Rule
from backstop.engine.rule_evidence import Evidence
from backstop.engine.rule_targets import MAX_TARGETS, bounded_targets


def judge_rule(rule: Rule, evidence: Evidence, known: Collection[Subject]) -> dict[Subject, Finding]:
    """Return a finding for each subject. `known` are those whose alerts are pending or firing.

    There are not many more than MAX_TARGETS. That others were left out of which something would have to be said is
    told of the rule itself.
    """
    found, left_out = bounded_targets(_judged(rule, evidence, known), known)
    if left_out:
        whole = Subject(kind=SubjectKind.QUERY, name=rule.name)
        found[whole] = cannot_tell(f"{left_out} more hold or are unknown; {MAX_TARGETS} are judged, so aggregate them")
    return found


def _judged(rule: Rule, evidence: Evidence, known: Collection[Subject]) -> dict[Subject, Finding]:
    facts = evidence.facts
    if isinstance(facts, RunHistory):
        return judge_runs(rule, facts, evidence.at)
    if isinstance(rule.when, Query):
        samples = facts if isinstance(facts, Unreadable) else tuple(f for f in facts if isinstance(f, SampleFacts))
        return judge_query(rule, samples, known)
    if isinstance(rule.when, NodeCondition):
        nodes = facts if isinstance(facts, Unreadable) else tuple(f for f in facts if isinstance(f, NodeFacts))
        return judge_nodes(rule, nodes, known)
    if isinstance(facts, Unreadable):
        return judge_runs(rule, facts, evidence.at)
    raise TypeError(f"rule {rule.name} is about runs, and its evidence is not")
