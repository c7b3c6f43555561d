import copy
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.api.configuration import parse_configuration
from backstop.api.review import Outcome, Reviewer
from backstop.api.to_channel import to_channel, to_outbound
from backstop.domain.errors import SpecError
from backstop.domain.notification_channel import NotificationChannel, SecretKey, Webhook
from backstop.domain.slo import Uid
from tests.api.channel_bodies import (
    ACCEPTED,
    NOT_SUPPORTED_YET,
    REFUSED_BY_CONDITION,
    REFUSED_BY_THE_SCHEMA,
    at,
    channel_body,
)
from tests.api.test_hostile_input import ANYTHING, places, replaced


def problem_of(body: Any) -> SpecError:
    with pytest.raises(SpecError) as refused:
        to_channel(body)
    return refused.value


def test_a_channel_becomes_a_domain_object() -> None:
    body = channel_body(webhook={"headers": {"Team": "shop"}, "timeout": "2s"})
    assert to_channel(body) == NotificationChannel(
        uid=Uid("uid-oncall"),
        namespace="shop",
        name="oncall",
        generation=3,
        webhook=Webhook(
            url="https://hooks.example.com/incidents",
            host="hooks.example.com",
            secure=True,
            signing_key=SecretKey(name="incident-webhook", key="signing-key"),
            timeout_seconds=2.0,
            headers={"Team": "shop"},
        ),
    )


def test_a_host_is_judged_in_lower_case_and_without_its_port() -> None:
    assert to_channel(at("https://Hooks.Example.com:8443/")).webhook.host == "hooks.example.com"
    assert not to_channel(at("http://receiver.shop.svc/")).webhook.secure


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED)
def test_what_the_server_accepts_is_understood(body: dict[str, Any]) -> None:
    assert to_channel(body).webhook.host


@pytest.mark.parametrize(("body", "path", "text"), REFUSED_BY_THE_SCHEMA.values(), ids=REFUSED_BY_THE_SCHEMA)
def test_what_the_schema_refuses_is_refused_when_it_was_stored_all_the_same(
    body: dict[str, Any], path: str, text: str
) -> None:
    problem = problem_of(body)
    assert (problem.path, problem.not_supported_yet) == (path, False)
    assert text in problem.problem


@pytest.mark.parametrize(("body", "path", "text"), REFUSED_BY_CONDITION.values(), ids=REFUSED_BY_CONDITION)
def test_what_the_schema_cannot_see_is_refused_with_path_and_fix(body: dict[str, Any], path: str, text: str) -> None:
    problem = problem_of(body)
    assert problem.path == path
    assert text in problem.problem


@pytest.mark.parametrize("kind", NOT_SUPPORTED_YET)
@pytest.mark.parametrize("inside", [{}, {"channel": "#alerts", "tokenRef": {"name": "a", "key": "b"}}])
def test_a_kind_that_nothing_implements_yet_is_refused_by_its_name(kind: str, inside: dict[str, Any]) -> None:
    problem = problem_of({**channel_body(), "spec": {kind: inside}})
    assert (problem.path, problem.not_supported_yet) == (f"spec.{kind}", True)
    assert "write webhook" in problem.problem


def test_a_secret_in_a_header_is_not_repeated() -> None:
    problem = problem_of(channel_body(webhook={"headers": {"Authorization": "Bearer hidden"}}))
    assert "hidden" not in str(problem)


def test_a_file_is_reviewed_line_by_line() -> None:
    body = channel_body(webhook={"url": ..., "uri": "https://hooks.example.com/"})
    (review,) = Reviewer().review("channel.yaml", yaml.safe_dump(body, sort_keys=False))
    assert review.outcome is Outcome.INVALID
    assert {problem.path for problem in review.problems} == {"spec.webhook.url", "spec.webhook.uri"}


PLACES = [(body, place) for body in ACCEPTED.values() for place in places(body)]


@settings(deadline=None)
@given(st.sampled_from(PLACES), ANYTHING)
def test_anything_anywhere_is_a_channel_or_a_spec_error(target: tuple[Any, tuple[Any, ...]], value: Any) -> None:
    body, place = target
    outcome = read(replaced(copy.deepcopy(body), place, value))
    if isinstance(outcome, SpecError):
        assert len(str(outcome)) < 4096
        assert str(outcome).encode("utf-8", errors="strict")
    else:
        assert outcome.webhook.host == outcome.webhook.host.lower() != ""


def read(body: Any) -> NotificationChannel | SpecError:
    """Return the outcome; anything that is neither escapes as the failure of the test."""
    try:
        return to_channel(body)
    except SpecError as refused:
        return refused


CONFIGURATION = "sources: [{name: default, url: 'http://prometheus:9090'}]\nnotifications: "


def test_a_configuration_says_where_messages_may_go() -> None:
    text = "{allowedHosts: [Hooks.Example.com, '*.pager.example'], allowedNetworks: [10.20.0.0/16, 'fd00::/8']}"
    outbound = to_outbound(parse_configuration(CONFIGURATION + text).notifications)
    assert outbound.host_problem("hooks.example.com", secure=True) is None
    assert outbound.host_problem("eu.pager.example", secure=True) is None
    assert outbound.host_problem("hooks.example.com", secure=False) is not None
    assert [str(network) for network in outbound.networks] == ["10.20.0.0/16", "fd00::/8"]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("{allowedHosts: ['https://hooks.example.com']}", "notifications.allowedHosts"),
        ("{allowedHosts: ['hooks.example.com:443']}", "notifications.allowedHosts"),
        ("{allowedHosts: ['*']}", "notifications.allowedHosts"),
        ("{allowedHosts: ['hooks.*.com']}", "notifications.allowedHosts"),
        ("{allowedHostsWithoutTls: ['']}", "notifications.allowedHostsWithoutTls"),
        ("{allowedNetworks: [10.20.0.1/16]}", "notifications.allowedNetworks"),
        ("{allowedNetworks: [everything]}", "notifications.allowedNetworks"),
    ],
)
def test_what_is_no_host_and_no_network_is_told_with_an_example(text: str, path: str) -> None:
    with pytest.raises(SpecError, match=r"such as") as refused:
        parse_configuration(CONFIGURATION + text)
    assert path in str(refused.value)
