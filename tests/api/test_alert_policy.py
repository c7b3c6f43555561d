import copy
from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.api.crd import ALERT_POLICY
from backstop.api.references import references_of
from backstop.api.review import Outcome, Reviewer
from backstop.api.schema import structural_schema
from backstop.api.to_alert_policy import check_alert_policy, to_alert_policy
from backstop.api.v1alpha1.alert_policy import Preset, TierName
from backstop.domain.alert_policy import (
    AlertPolicy,
    BudgetRemainingBelow,
    BurnRate,
    ConsecutiveFailures,
    Deadlines,
    ExhaustsWithin,
    IncidentBy,
    NoData,
    NodeCondition,
    NoSuccess,
    OnEmpty,
    Query,
    Rule,
    Runs,
    Severity,
    TierOverride,
    When,
)
from backstop.domain.alert_tiers import PRESET, TIER_NAMES
from backstop.domain.errors import SpecError
from backstop.domain.maintenance import SLOSelector
from backstop.domain.slo import Comparison, Uid
from tests.api.alert_policy_bodies import (
    ACCEPTED,
    NOT_SUPPORTED_YET,
    REFUSED_BY_CONDITION,
    REFUSED_BY_THE_SCHEMA,
    a_rule,
    burn_rate,
    failures,
    policy_body,
    query,
    when,
    with_rule,
)
from tests.api.test_hostile_input import ANYTHING, places, replaced


def problem_of(body: Any) -> SpecError:
    with pytest.raises(SpecError) as refused:
        to_alert_policy(body)
    return refused.value


def condition_of(body: dict[str, Any]) -> When:
    (rule,) = to_alert_policy(body).rules
    return rule.when


def test_a_policy_becomes_a_domain_object() -> None:
    when = BurnRate(long_seconds=3600, short_seconds=300, budget_percent=Decimal(2))
    assert to_alert_policy(policy_body()) == AlertPolicy(
        uid=Uid("0-1"),
        namespace="shop",
        name="shop",
        generation=3,
        slos=None,
        rules=(Rule(name="fast-burn", severity=Severity.P0, when=when, notify=("oncall",)),),
    )


CONDITIONS: dict[str, tuple[dict[str, Any], When]] = {
    "burnRate": (
        burn_rate(budgetPercent=..., factor=14.4, window="month"),
        BurnRate(long_seconds=3600, short_seconds=300, factor=Decimal("14.4"), window="month"),
    ),
    "budgetRemainingBelow": (
        when(budgetRemainingBelow={"percent": -0.5, "window": "30d"}),
        BudgetRemainingBelow(percent=Decimal("-0.5"), window="30d"),
    ),
    "exhaustsWithin": (when(exhaustsWithin={"duration": "4h"}), ExhaustsWithin(duration_seconds=14_400)),
    "noData": (when(noData={"for": "10m"}), NoData(for_seconds=600)),
    "query": (
        query(expr="a # b\n / b", source="other", interval="5s", onEmpty="Clear", targetLabel="pod", **{"for": "10s"}),
        Query(
            expression="a  \n / b",
            op=Comparison.GTE,
            value=Decimal("0.9"),
            source="other",
            for_seconds=10,
            interval_seconds=5,
            on_empty=OnEmpty.CLEAR,
            target_label="pod",
        ),
    ),
    "query with defaults": (
        query(expr="a", value=3), Query(expression="a", op=Comparison.GTE, value=Decimal(3), source="default")
    ),
    "nodeCondition": (
        when(nodeCondition={"type": "Ready", "status": ["False", "Unknown"], "for": "5m", "selector": {"pool": "gpu"}}),
        NodeCondition(
            type="Ready", statuses=frozenset({"False", "Unknown"}), for_seconds=300, selector={"pool": "gpu"}
        ),
    ),
    "consecutiveFailures": (
        failures(cronJob=..., jobs={"selector": {"app": "encoder"}}),
        ConsecutiveFailures(of=Runs(jobs={"app": "encoder"}), count=3, within_seconds=3600),
    ),
    "noSuccess": (
        when(noSuccess={"cronJob": "nightly-backup", "within": "26h"}),
        NoSuccess(of=Runs(cron_job="nightly-backup"), within_seconds=93_600),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), CONDITIONS.values(), ids=CONDITIONS)
def test_a_condition_keeps_its_numbers_in_seconds_and_exact(body: dict[str, Any], expected: When) -> None:
    assert condition_of(body) == expected


def test_a_rule_brings_what_it_says_of_itself() -> None:
    body = with_rule(
        enabled=False, severity="P3", keepFiringFor="5m", notify=["a", "b"], acknowledgeWithin="5m", resolveWithin="1d"
    )
    (rule,) = to_alert_policy(body).rules
    assert (rule.enabled, rule.severity, rule.notify) == (False, Severity.P3, ("a", "b"))
    assert (rule.keep_firing_seconds, rule.acknowledge_within_seconds, rule.resolve_within_seconds) == (
        300,
        300,
        86_400,
    )


def test_a_policy_brings_what_holds_for_all_of_its_rules() -> None:
    policy = to_alert_policy(
        policy_body(
            slos={"matchLabels": {"team": "payments"}},
            rules=...,
            preset="google-sre",
            presetNotify=["oncall"],
            tiers=[{"name": "google-sre-3d", "enabled": False, "severity": "P3", "notify": ["team"]}],
            inhibit=False,
            incidentBy="target",
            reopenWithin="1h",
            escalation={"acknowledgeWithin": {"P0": "5m", "P3": "1d"}, "updateEvery": {"P1": "1h"}},
        )
    )
    assert policy.slos == SLOSelector(labels={"team": "payments"})
    assert (policy.rules, policy.preset, policy.preset_notify) == ((), "google-sre", ("oncall",))
    assert policy.overrides == (
        TierOverride(name="google-sre-3d", enabled=False, severity=Severity.P3, notify=("team",)),
    )
    assert (policy.inhibit, policy.incident_by, policy.reopen_within_seconds) == (False, IncidentBy.TARGET, 3600)
    assert policy.deadlines == Deadlines(
        acknowledge={Severity.P0: 300, Severity.P3: 86_400}, update={Severity.P1: 3600}
    )


def test_the_names_of_the_preset_and_its_tiers_are_those_that_are_judged() -> None:
    assert list(Preset) == [PRESET]
    assert tuple(TierName) == TIER_NAMES


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED)
def test_what_the_server_accepts_is_understood(body: dict[str, Any]) -> None:
    assert to_alert_policy(body).key == "shop/shop"


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


def test_an_error_of_promql_has_its_position() -> None:
    assert "at character 5" in problem_of(query(expr="a + ) b")).problem


@pytest.mark.parametrize(("body", "path"), NOT_SUPPORTED_YET.values(), ids=NOT_SUPPORTED_YET)
def test_what_nothing_implements_yet_is_refused_and_never_ignored(body: dict[str, Any], path: str) -> None:
    problem = problem_of(body)
    assert (problem.path, problem.not_supported_yet) == (path, True)
    assert problem.problem.startswith("is not supported yet; ")


def test_a_field_that_does_not_exist_is_refused_with_the_one_that_was_meant() -> None:
    assert problem_of(with_rule(severty="P0")).problem.startswith("is not a field here; did you mean severity?")
    assert "did you mean burnRate?" in problem_of(when(burnrate={})).problem
    assert "did you mean rules?" in problem_of(policy_body(rule=[])).problem


def test_a_boolean_where_a_status_should_be_is_told_to_be_quoted() -> None:
    body = yaml.safe_load("nodeCondition: {type: Ready, status: [False]}")
    assert problem_of(when(**body)).problem == 'is a boolean; write it in quotes: "False"'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2", "is a text; leave the quotes out: write more than 0 and at most 100, for example 2"),
        (True, "is a boolean; write more than 0"),
        (float("nan"), "is out of bounds; write more than 0"),
        (10**400, "is out of bounds; write more than 0"),
        ([], "is a list; write more than 0"),
    ],
)
def test_a_number_that_is_none_is_refused_with_one_that_works(value: Any, text: str) -> None:
    problem = problem_of(burn_rate(budgetPercent=value))
    assert problem.path == "spec.rules[0].when.burnRate.budgetPercent"
    assert problem.problem.startswith(text)


@pytest.mark.parametrize("written", [14.4, 0.1, 99.999999, 1e-7, 100])
def test_a_share_of_the_budget_is_kept_exact(written: float) -> None:
    condition = condition_of(burn_rate(budgetPercent=written))
    assert isinstance(condition, BurnRate)
    assert condition.budget_percent == Decimal(repr(written))


def test_a_thousand_wrong_rules_are_not_all_told() -> None:
    rules = [a_rule(name=f"r{index}", wrong=index) for index in range(1000)]
    assert 1 <= len(check_alert_policy(policy_body(rules=rules)).problems) <= 50


def test_every_slo_and_every_channel_that_a_policy_names_is_found_with_its_path() -> None:
    body = policy_body(
        slos={"names": ["checkout", "search"]},
        preset="google-sre",
        presetNotify=["oncall"],
        tiers=[{"name": "google-sre-3d", "notify": ["team"]}],
        rules=[a_rule(), a_rule(name="b", notify=["team", "manager"])],
    )
    found = [(r.path, r.kind, r.name) for r in references_of("AlertPolicy", check_alert_policy(body).spec)]
    assert found == [
        ("spec.slos.names[0]", "SLO", "checkout"),
        ("spec.slos.names[1]", "SLO", "search"),
        ("spec.presetNotify[0]", "NotificationChannel", "oncall"),
        ("spec.tiers[0].notify[0]", "NotificationChannel", "team"),
        ("spec.rules[0].notify[0]", "NotificationChannel", "oncall"),
        ("spec.rules[1].notify[0]", "NotificationChannel", "team"),
        ("spec.rules[1].notify[1]", "NotificationChannel", "manager"),
    ]


def test_a_file_is_reviewed_line_by_line() -> None:
    body = policy_body(rules=[a_rule(severity="P7"), a_rule(name="b", when={"noData": {"fro": "10m"}})])
    text = yaml.safe_dump(body, sort_keys=False)
    (review,) = Reviewer().review("policy.yaml", text)
    assert review.outcome is Outcome.INVALID
    lines = text.splitlines()
    assert [(problem.path, lines[problem.place.line - 1].strip()) for problem in review.problems] == [
        ("spec.rules[0].severity", "severity: P7"),
        ("spec.rules[1].when.noData.for", "noData:"),
        ("spec.rules[1].when.noData.fro", "fro: 10m"),
    ]


def test_the_list_of_rules_is_a_map_by_name_so_that_two_owners_can_share_it() -> None:
    rules = structural_schema(ALERT_POLICY.spec)["properties"]["rules"]
    assert rules["x-kubernetes-list-type"] == "map"
    assert rules["x-kubernetes-list-map-keys"] == ["name"]
    assert rules["maxItems"] == 32


PLACES = [
    (body, place)
    for body in [*ACCEPTED.values(), *(b for b, _ in NOT_SUPPORTED_YET.values())]
    for place in places(body)
]


@settings(deadline=None)
@given(st.sampled_from(PLACES), ANYTHING)
def test_anything_anywhere_is_a_policy_or_a_spec_error(target: tuple[Any, tuple[Any, ...]], value: Any) -> None:
    body, place = target
    outcome = read(replaced(copy.deepcopy(body), place, value))
    if isinstance(outcome, SpecError):
        assert len(str(outcome)) < 4096, "it must fit into a condition"
        assert str(outcome).encode("utf-8", errors="strict")


@settings(deadline=None)
@given(st.sampled_from(PLACES), st.text(max_size=20) | st.integers() | st.none(), ANYTHING)
def test_a_key_that_should_not_be_there_is_a_spec_error(
    target: tuple[Any, tuple[Any, ...]], key: Any, value: Any
) -> None:
    body, place = target
    inner = body
    for segment in place:
        inner = inner[segment]
    if isinstance(inner, dict):
        read(replaced(body, place, {**inner, key: value}))


def read(body: Any) -> AlertPolicy | SpecError:
    """Return the outcome; anything that is neither escapes as the failure of the test."""
    try:
        return to_alert_policy(body)
    except SpecError as refused:
        return refused
