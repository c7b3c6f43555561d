"""What the real API server makes of the CRD: the schema and the rules, as people meet them at `kubectl apply`."""

import json
from pathlib import Path
from typing import Any

import pytest

from backstop.api.crd import KINDS
from tests.api import alert_policy_bodies, channel_bodies, maintenance_bodies
from tests.api.slo_bodies import ACCEPTED, REFUSED_BY_THE_SCHEMA, REFUSED_WITH_ONE_TEXT, slo_body
from tests.cluster.errors import ClusterError
from tests.cluster.fixtures import Cluster, wait_until
from tests.generators.registry import REPOSITORY

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def served(cluster: Cluster) -> Cluster:
    """A cluster that serves the committed CRDs."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", REPOSITORY / "crds")
    for kind in KINDS:
        cluster.wait("--for=condition=Established", f"crd/{kind.crd_name}")
        wait_until(
            lambda plural=kind.plural: cluster.kubectl("get", plural, "-A") or True,
            30.0,
            describe=f"{kind.plural} to be served",
        )
    return cluster


def create(cluster: Cluster, body: dict[str, Any], *options: str) -> dict[str, Any]:
    """Have the API server judge an object as a new one, without keeping it; return what it would store."""
    fresh = body | {"metadata": {"name": "judged", "namespace": "default"}}
    answer = cluster.kubectl("create", "--dry-run=server", "-o", "json", *options, "-f", "-", stdin=json.dumps(fresh))
    return json.loads(answer)


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED)
def test_the_server_accepts_what_should_be_accepted(served: Cluster, body: dict[str, Any]) -> None:
    assert create(served, body)["spec"]["target"] == body["spec"]["target"]


@pytest.mark.parametrize(("body", "path", "text"), REFUSED_BY_THE_SCHEMA.values(), ids=REFUSED_BY_THE_SCHEMA)
def test_the_server_refuses_with_the_path_and_the_rule(
    served: Cluster, body: dict[str, Any], path: str, text: str
) -> None:
    with pytest.raises(ClusterError) as refused:
        create(served, body)
    assert path in str(refused.value)
    assert text in str(refused.value)


@pytest.mark.parametrize(("body", "path", "text"), REFUSED_WITH_ONE_TEXT.values(), ids=REFUSED_WITH_ONE_TEXT)
def test_the_server_refuses_in_the_words_of_validate(
    served: Cluster, body: dict[str, Any], path: str, text: str
) -> None:
    with pytest.raises(ClusterError) as refused:
        create(served, body)
    said = str(refused.value)
    assert path in said
    assert text in said


@pytest.mark.parametrize("body", maintenance_bodies.ACCEPTED.values(), ids=maintenance_bodies.ACCEPTED)
def test_the_server_accepts_the_windows_that_should_be_accepted(served: Cluster, body: dict[str, Any]) -> None:
    stored = create(served, body)["spec"]
    assert stored["slos"] == body["spec"]["slos"]
    assert stored["excludeFromBudget"] is True


REFUSED_WINDOWS = maintenance_bodies.REFUSED_BY_THE_SCHEMA


@pytest.mark.parametrize(("body", "path", "text"), REFUSED_WINDOWS.values(), ids=REFUSED_WINDOWS)
def test_the_server_refuses_a_window_with_the_path_and_the_rule(
    served: Cluster, body: dict[str, Any], path: str, text: str
) -> None:
    with pytest.raises(ClusterError) as refused:
        create(served, body)
    assert path in str(refused.value)
    assert text in str(refused.value)


@pytest.mark.parametrize(
    "body", maintenance_bodies.REFUSED_BY_CONDITION.values(), ids=maintenance_bodies.REFUSED_BY_CONDITION
)
def test_what_is_left_to_the_condition_is_what_a_schema_cannot_see(
    served: Cluster, body: tuple[dict[str, Any], str, str]
) -> None:
    assert create(served, body[0])


def test_the_columns_of_a_window_answer_is_it_active_and_until_when(
    served: Cluster, namespace: str, tmp_path: Path
) -> None:
    body = maintenance_bodies.window_body() | {"metadata": {"name": "upgrade", "namespace": namespace}}
    served.kubectl("create", "-f", "-", stdin=json.dumps(body))
    times = {"start": "2026-03-02T02:00:00Z", "end": "2026-03-02T04:00:00Z"}
    status = {"state": "Active", "active": times, "past": [times], "slos": {"count": 2}, "excludedSeconds": 60}
    patch = json.dumps({"status": status})
    served.kubectl("patch", "mw", "upgrade", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)
    header, row = served.kubectl("get", "mw", "-n", namespace, f"--cache-dir={tmp_path}").splitlines()
    assert header.split() == ["NAME", "STATE", "UNTIL", "NEXT", "SLOS", "BUDGET", "EXCLUDED", "(S)", "AGE"]
    # An empty cell is no cell to split(): nothing stands under NEXT.
    assert row.split()[:6] == ["upgrade", "Active", "2026-03-02T04:00:00Z", "2", "true", "60"]


ACCEPTED_POLICIES = alert_policy_bodies.ACCEPTED | {
    name: body for name, (body, _) in alert_policy_bodies.NOT_SUPPORTED_YET.items()
}
REFUSED_POLICIES = alert_policy_bodies.REFUSED_BY_THE_SCHEMA


@pytest.mark.parametrize("body", ACCEPTED_POLICIES.values(), ids=ACCEPTED_POLICIES)
def test_the_server_accepts_the_policies_that_should_be_accepted_or_are_to_come(
    served: Cluster, body: dict[str, Any]
) -> None:
    stored = create(served, body)["spec"]
    assert len(stored.get("rules", [])) == len(body["spec"].get("rules", []))
    assert stored["reopenWithin"] == body["spec"].get("reopenWithin", "30m")


@pytest.mark.parametrize(("body", "path", "text"), REFUSED_POLICIES.values(), ids=REFUSED_POLICIES)
def test_the_server_refuses_a_policy_with_the_path_and_the_rule(
    served: Cluster, body: dict[str, Any], path: str, text: str
) -> None:
    with pytest.raises(ClusterError) as refused:
        create(served, body)
    assert path in str(refused.value)
    assert text in str(refused.value)


@pytest.mark.parametrize(
    "body", alert_policy_bodies.REFUSED_BY_CONDITION.values(), ids=alert_policy_bodies.REFUSED_BY_CONDITION
)
def test_what_of_a_policy_is_left_to_the_condition_is_what_a_schema_cannot_see(
    served: Cluster, body: tuple[dict[str, Any], str, str]
) -> None:
    assert create(served, body[0])


def test_the_columns_of_a_policy_answer_what_fires(served: Cluster, namespace: str, tmp_path: Path) -> None:
    body = alert_policy_bodies.policy_body() | {"metadata": {"name": "shop", "namespace": namespace}}
    served.kubectl("create", "-f", "-", stdin=json.dumps(body))
    status = {
        "state": "Firing",
        "reason": "Burning",
        "alertCounts": {"firing": 2, "pending": 1, "unknown": 0},
        "slos": {"count": 3},
    }
    patch = json.dumps({"status": status})
    served.kubectl("patch", "ap", "shop", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)
    header, row = served.kubectl("get", "ap", "-n", namespace, f"--cache-dir={tmp_path}").splitlines()
    assert header.split() == ["NAME", "STATE", "FIRING", "PENDING", "AGE"]
    assert row.split()[:4] == ["shop", "Firing", "2", "1"]


def test_the_server_refuses_a_field_that_does_not_exist(served: Cluster) -> None:
    with pytest.raises(ClusterError, match=r'unknown field "spec\.tagret"'):
        create(served, slo_body(tagret=1))


def test_the_server_fills_in_the_defaults(served: Cluster) -> None:
    spec = create(served, slo_body())["spec"]
    assert spec["windows"] == [{"name": "30d", "rolling": "30d"}]
    assert spec["source"] == "default"
    assert spec["evaluation"]["interval"] == "30s"


def test_a_part_of_evaluation_keeps_the_other_defaults(served: Cluster) -> None:
    evaluation = create(served, slo_body(evaluation={"interval": "10s"}))["spec"]["evaluation"]
    assert (evaluation["interval"], evaluation["staleAfter"], evaluation["noData"]) == ("10s", "2m", "Unknown")


def test_the_columns_answer_is_it_fine(served: Cluster, namespace: str, tmp_path: Path) -> None:
    body = slo_body() | {"metadata": {"name": "checkout", "namespace": namespace}}
    served.kubectl("create", "-f", "-", stdin=json.dumps(body))
    status = {
        "state": "AtRisk",
        "reason": "LowBudget",
        "message": "12.5 % of the 30d budget left",
        "windows": [{"name": "30d", "sli": 99.9125, "remainingPercent": 12.5, "coverage": 0.998}],
        "burnRates": {"5m": 0.4, "1h": 1.25},
    }
    patch = json.dumps({"status": status})
    served.kubectl("patch", "slo", "checkout", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)
    # a fresh cache: kubectl keeps short names and categories for hours
    header, row = served.kubectl(
        "get", "backstop", "-n", namespace, "-o", "wide", f"--cache-dir={tmp_path}"
    ).splitlines()
    columns = "NAME OBJECTIVE WINDOW SLI BURN (1H) REMAINING STATE REASON AGE COVERAGE SOURCE MESSAGE"
    assert " ".join(header.split()) == columns
    cells = row.split(maxsplit=11)
    del cells[8]  # the age moves
    assert cells == [
        "slo.backstop.dev/checkout",
        "99.9", "30d", "99.9125", "1.25", "12.5", "AtRisk", "LowBudget", "0.998", "default",
        "12.5 % of the 30d budget left",
    ]  # fmt: skip


def test_writing_the_spec_leaves_the_status_alone_and_only_the_spec_moves_the_generation(
    served: Cluster, namespace: str
) -> None:
    body = slo_body() | {"metadata": {"name": "checkout", "namespace": namespace}, "status": {"state": "Healthy"}}
    created = json.loads(served.kubectl("create", "-o", "json", "-f", "-", stdin=json.dumps(body)))
    assert "status" not in created
    served.kubectl(
        "patch", "slo", "checkout", "-n", namespace, "--subresource=status", "--type=merge",
        "-p", '{"status":{"state":"Exhausted"}}',
    )  # fmt: skip
    assert served.get("slo", "checkout", "-n", namespace)["metadata"]["generation"] == 1


@pytest.mark.parametrize("body", channel_bodies.ACCEPTED.values(), ids=channel_bodies.ACCEPTED)
def test_the_server_accepts_the_channels_that_should_be_accepted(served: Cluster, body: dict[str, Any]) -> None:
    assert create(served, body)["spec"]["webhook"] == {"timeout": "10s"} | body["spec"]["webhook"]


REFUSED_CHANNELS = channel_bodies.REFUSED_BY_THE_SCHEMA


@pytest.mark.parametrize(("body", "path"), [row[:2] for row in REFUSED_CHANNELS.values()], ids=REFUSED_CHANNELS)
def test_the_server_refuses_a_channel_with_the_path(served: Cluster, body: dict[str, Any], path: str) -> None:
    with pytest.raises(ClusterError) as refused:
        create(served, body)
    assert path in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [body for body, _, _ in channel_bodies.REFUSED_BY_CONDITION.values()],
    ids=channel_bodies.REFUSED_BY_CONDITION,
)
def test_what_of_a_channel_is_left_to_the_condition_is_what_a_schema_cannot_see(
    served: Cluster, body: dict[str, Any]
) -> None:
    assert create(served, body)


@pytest.mark.parametrize("kind", channel_bodies.NOT_SUPPORTED_YET)
def test_a_kind_of_channel_that_is_to_come_is_known_to_the_server(served: Cluster, kind: str) -> None:
    assert create(served, channel_bodies.channel_body() | {"spec": {kind: {}}})["spec"] == {kind: {}}


def test_the_columns_of_a_channel_answer_does_it_deliver(served: Cluster, namespace: str, tmp_path: Path) -> None:
    body = channel_bodies.channel_body() | {"metadata": {"name": "oncall", "namespace": namespace}}
    served.kubectl("create", "-f", "-", stdin=json.dumps(body))
    status = {"state": "Failing", "reason": "ReceiverFailed", "sent": 12, "failed": 1, "lastError": "answered 503"}
    patch = json.dumps({"status": status})
    served.kubectl("patch", "nc", "oncall", "-n", namespace, "--subresource=status", "--type=merge", "-p", patch)
    header, row = served.kubectl("get", "nc", "-n", namespace, f"--cache-dir={tmp_path}").splitlines()
    assert header.split() == ["NAME", "STATE", "REASON", "SENT", "FAILED", "LAST", "SENT", "AGE"]
    assert row.split()[:5] == ["oncall", "Failing", "ReceiverFailed", "12", "1"]
