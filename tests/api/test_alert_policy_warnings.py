from typing import Any

import pytest

from backstop.api.to_alert_policy import check_alert_policy
from tests.api.alert_policy_bodies import a_rule, burn_rate, policy_body, query, when, with_rule


def warnings_of(body: dict[str, Any]) -> list[tuple[str, str]]:
    checked = check_alert_policy(body)
    assert checked.problems == ()
    return [(warning.path, warning.text) for warning in checked.warnings]


def only(body: dict[str, Any]) -> tuple[str, str]:
    (warning,) = warnings_of(body)
    return warning


def test_a_usual_policy_has_no_warnings() -> None:
    assert warnings_of(policy_body()) == []
    assert warnings_of(policy_body(rules=..., preset="google-sre", presetNotify=["oncall"])) == []


@pytest.mark.parametrize("severity", ["P0", "P1"])
def test_a_page_on_five_minutes_alone_is_warned_of(severity: str) -> None:
    body = policy_body(
        rules=[a_rule(severity=severity, when={"burnRate": {"long": "5m", "short": "1m", "factor": 10}})]
    )
    path, text = only(body)
    assert path == "spec.rules[0].when.burnRate.long"
    assert text == f"is 5m: {severity} for what may be over already; write for example long: 1h, short: 5m"


@pytest.mark.parametrize(
    ("long", "short", "effect", "usual"),
    [
        ("1h", "30m", "long after it is over", "5m"),
        ("6h", "2h", "long after it is over", "30m"),
        ("6h", "5m", "single errors stop and start it", "30m"),
        ("6m", "4m", "long after it is over", "1m"),
    ],
)
def test_a_page_whose_short_window_is_far_from_a_twelfth_is_warned_of(
    long: str, short: str, effect: str, usual: str
) -> None:
    path, text = only(burn_rate(long=long, short=short))
    assert path == "spec.rules[0].when.burnRate.short"
    assert effect in text
    assert text.endswith(f"write for example short: {usual}")


@pytest.mark.parametrize(("long", "short"), [("1h", "5m"), ("1h", "15m"), ("1h", "90s"), ("3d", "6h"), ("12m", "3m")])
def test_a_page_with_windows_that_go_together_is_not(long: str, short: str) -> None:
    assert warnings_of(burn_rate(long=long, short=short)) == []


def test_a_ticket_may_have_any_windows() -> None:
    assert warnings_of(with_rule(severity="P2", when={"burnRate": {"long": "5m", "short": "4m", "factor": 2}})) == []


@pytest.mark.parametrize("expression", ["depth > 100", "absent(up)", "up == 0", "a and b", "count(up == 0)"])
def test_a_query_that_is_empty_when_all_is_well_is_warned_of(expression: str) -> None:
    path, text = only(query(expr=expression))
    assert path == "spec.rules[0].when.query.expr"
    assert "is empty when all is well" in text
    assert text.endswith("move the comparison to op and value, or write onEmpty: Clear")


def test_a_query_that_says_what_empty_means_is_not() -> None:
    assert warnings_of(query(expr="depth > 100", onEmpty="Clear")) == []


def test_a_query_with_a_function_that_the_parser_does_not_know_is_told_to_be_unchecked() -> None:
    _, text = only(query(expr="newest_function(x)"))
    assert "unknown function 'newest_function'" in text


@pytest.mark.parametrize("notify", [..., []])
def test_a_rule_that_tells_nobody_is_warned_of(notify: Any) -> None:
    assert only(with_rule(notify=notify)) == (
        "spec.rules[0]", "rule fast-burn tells nobody; write for example notify: [oncall]",
    )  # fmt: skip


def test_a_preset_that_tells_nobody_is_warned_of_unless_a_tier_does() -> None:
    path, text = only(policy_body(rules=..., preset="google-sre"))
    assert (path, text) == ("spec.preset", "tells nobody; write for example presetNotify: [oncall]")
    tiers = [{"name": "google-sre-1h", "notify": ["oncall"]}]
    assert warnings_of(policy_body(rules=..., preset="google-sre", tiers=tiers)) == []


def test_a_rule_that_is_switched_off_is_not_warned_of() -> None:
    assert warnings_of(with_rule(enabled=False, notify=...)) == []


def test_no_warning_keeps_a_policy_from_being_accepted() -> None:
    assert check_alert_policy(when(noData={"for": "10m"})).spec is not None
