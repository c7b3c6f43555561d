from typing import Any

import pytest

from tests.api.alert_policy_bodies import a_rule, policy_body
from tests.cli.validating import an_slo, validated

MISSING = "in these files; the namespace must have one"


def a_policy(**spec: Any) -> dict[str, Any]:
    """Return a policy as people write it, that tells the channel `oncall`."""
    return policy_body(**spec) | {"metadata": {"name": "policy", "namespace": "shop"}}


def a_channel(name: str, **spec: Any) -> dict[str, Any]:
    webhook = {"url": "https://example.com/hook", "secretRef": {"name": "webhook", "key": "signing-key"}}
    return {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": "NotificationChannel",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"webhook": webhook} | spec,
    }


def told(*objects: dict[str, Any]) -> tuple[int, list[str]]:
    """Return the exit code, and the remarks without the places in the file."""
    code, lines = validated(*objects)
    return code, [line.split(": ", 1)[1] for line in lines]


def test_a_policy_beside_its_slos_and_channels_is_well_in_any_order() -> None:
    policy = a_policy(slos={"names": ["checkout"]}, preset="google-sre", presetNotify=["oncall"])
    assert told(policy, an_slo("checkout", target=99.9), a_channel("oncall")) == (0, [])


def test_what_is_not_in_the_files_is_a_warning_once_since_the_cluster_may_have_it() -> None:
    policy = a_policy(
        slos={"names": ["checkout", "search"]}, rules=[a_rule(), a_rule(name="b", notify=["oncall", "team"])]
    )
    code, lines = told(policy, an_slo("search"), an_slo("checkout", namespace="other"), a_channel("team"))
    assert code == 0
    where = "warning: AlertPolicy shop/policy: spec"
    assert lines == [
        f"{where}.slos.names[0]: no SLO is named 'checkout' {MISSING}",
        f"{where}.rules[0].notify[0]: no NotificationChannel is named 'oncall' {MISSING}",
    ]


def test_an_slo_that_is_wrong_is_told_at_the_policy_as_well() -> None:
    code, lines = told(a_policy(slos={"names": ["checkout"]}), an_slo("checkout", target=100), a_channel("oncall"))
    assert code == 1
    assert lines[0] == "warning: AlertPolicy shop/policy: spec.slos.names[0]: SLO 'checkout' is refused itself"


def a_burn_rate(**fields: Any) -> dict[str, Any]:
    return a_rule(when={"burnRate": {"long": "1h", "short": "5m"} | fields})


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        pytest.param(a_burn_rate(budgetPercent=0.1), "0.72", id="no budget is ever spent"),
        pytest.param(a_burn_rate(factor=90), "an error ratio of 90 %", id="more than an outage"),
        pytest.param(a_burn_rate(long="16d", short="1d", factor=1), "more than half of the 30d", id="too long"),
        pytest.param(a_burn_rate(factor=10, window="month"), "has no window month", id="no such window"),
    ],
)
def test_a_rule_that_cannot_be_with_an_slo_is_a_problem_at_the_rule(rule: dict[str, Any], text: str) -> None:
    code, lines = told(a_policy(rules=[a_rule(name="well"), rule]), an_slo("checkout"), a_channel("oncall"))
    assert code == 1
    assert lines[0].startswith("error: AlertPolicy shop/policy: spec.rules[1].when: does not fit SLO checkout: ")
    assert text in lines[0]
    assert len(lines) == 1


def test_a_preset_that_does_not_fit_is_told_once_and_not_per_tier() -> None:
    policy = a_policy(rules=..., preset="google-sre", presetNotify=["oncall"])
    short = an_slo("checkout", windows=[{"name": "1d", "rolling": "1d"}])
    code, lines = told(policy, short, a_channel("oncall"))
    assert code == 1
    assert len(lines) == 1
    assert (
        "error: AlertPolicy shop/policy: spec.preset: does not fit SLO checkout: preset google-sre is for" in lines[0]
    )


def test_slos_of_other_namespaces_and_those_that_are_not_selected_are_left_alone() -> None:
    policy = a_policy(slos={"matchLabels": {"team": "a"}}, rules=[a_burn_rate(factor=10, window="month")])
    assert told(policy, an_slo("checkout"), an_slo("search", namespace="other"), a_channel("oncall")) == (0, [])
    selected = an_slo("checkout")
    selected["metadata"]["labels"] = {"team": "a", "tier": "critical"}
    assert told(policy, selected, a_channel("oncall"))[0] == 1


def test_of_many_slos_that_a_rule_does_not_fit_some_are_told_and_the_rest_counted() -> None:
    policy = a_policy(rules=[a_burn_rate(factor=10, window="month")])
    code, lines = told(policy, *(an_slo(f"slo-{index}") for index in range(10)), a_channel("oncall"))
    assert code == 1
    assert len(lines) == 4
    assert lines[-1].endswith("spec.rules[0].when: does not fit 7 more SLOs")


def test_odd_metadata_of_a_policy_ends_nothing() -> None:
    odd = a_policy()
    odd["metadata"] |= {"uid": 5, "generation": "x", "labels": {"a": "b"}}
    assert told(odd, an_slo("checkout"), a_channel("oncall")) == (0, [])
