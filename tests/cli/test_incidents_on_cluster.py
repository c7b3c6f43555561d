"""Commands of incidents on a real API server, with exactly the rights that the page for people names."""

import contextlib
import json
import threading

import pytest
import yaml
from click.testing import CliRunner

from backstop.api.to_incident import to_incident, to_status
from backstop.cli.main import main
from backstop.domain.incident_answers import answered, spent
from backstop.domain.incident_transitions import opened_by_person
from backstop.vocabulary import Annotation
from tests.adapters.kubernetes.fixtures import RealClock, no_operator, nobody_kubeconfig, slo_cluster
from tests.adapters.kubernetes.rights import create_account, kubeconfig_for
from tests.cluster.errors import ClusterError
from tests.cluster.paths import REPOSITORY
from tests.docs.pages import blocks_of

__all__ = ["no_operator", "nobody_kubeconfig", "slo_cluster"]

pytestmark = pytest.mark.cluster

PAGE = REPOSITORY / "docs" / "how-to" / "handle-an-incident.md"


@pytest.fixture
def on_call(slo_cluster, no_operator, namespace, tmp_path):
    """A kubeconfig of somebody who may do what the page says, and nothing else."""
    (role,) = [yaml.safe_load(block.text) for block in blocks_of(PAGE, "yaml")]
    rbac = "rbac.authorization.k8s.io"
    create_account(slo_cluster, namespace, "ann")
    role["metadata"]["namespace"] = namespace
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "on-call", "namespace": namespace},
        "roleRef": {"apiGroup": rbac, "kind": "Role", "name": role["metadata"]["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": "ann", "namespace": namespace}],
    }
    slo_cluster.apply([role, binding])
    path = tmp_path / "ann.kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig_for(slo_cluster, namespace, "ann")))
    return path


@pytest.fixture
def operator(slo_cluster, namespace):
    """Records what people say of the incidents of the namespace, by the operator's own functions."""
    over = threading.Event()

    def record() -> None:
        while not over.wait(0.2):
            for body in slo_cluster.get("incidents", f"--namespace={namespace}")["items"]:
                _record(slo_cluster, namespace, body)

    thread = threading.Thread(target=record, name="operator")
    thread.start()
    yield
    over.set()
    thread.join()


def _record(cluster, namespace, body):
    said = body["metadata"].get("annotations") or {}
    now, before = RealClock().now().timestamp(), to_incident(body)
    incident = before if before.opened_at is not None else opened_by_person(before, said.get(Annotation.OPENED_BY), now)
    after = answered(incident, said, now)
    with contextlib.suppress(ClusterError):  # somebody wrote meanwhile: the next look is soon
        if after != before:
            whole = json.dumps(body | {"status": to_status(after)})
            cluster.kubectl("replace", "--subresource=status", "-f", "-", stdin=whole)
        elif gone := spent(after, said):
            metadata = {"resourceVersion": body["metadata"]["resourceVersion"], "annotations": dict.fromkeys(gone)}
            patch = json.dumps({"metadata": metadata})
            cluster.kubectl("patch", "incident", before.name, f"--namespace={namespace}", "--type=merge", "-p", patch)


def run(kubeconfig, *words):
    return CliRunner().invoke(main, [*words, "--kubeconfig", str(kubeconfig)])


def test_somebody_on_call_opens_acknowledges_notes_and_resolves_under_the_own_name(on_call, operator, namespace):
    user = f"system:serviceaccount:{namespace}:ann"
    opened = run(on_call, "incident", "open", "--title", "Checkout is slow", "--severity", "P1")
    assert opened.exit_code == 0, opened.output
    name = opened.stdout.split()[0].removeprefix(f"{namespace}/")
    for words, told in (
        (["ack", name], "Acknowledged  takes care of it"),
        (["note", name, "space added"], "Note  space added"),
        (["note", name, "space added"], "Note  space added"),
        (["incident", "severity", name, "P2", "--reason", "one tenant"], "Severity  P1 → P2"),
        (["resolve", name, "--reason", "no errors since"], f"Resolved  resolved by {user}: no errors since"),
    ):
        result = run(on_call, *words, "--timeout", "1m")
        assert result.exit_code == 0, result.output
        assert f"{told} ({user})" in result.stdout
    late = run(on_call, "ack", name)
    assert (late.exit_code, f"by {user}" in late.stderr) == (1, True)
    assert run(on_call, "incidents").stderr.endswith("--all shows 1 resolved.\n")
    assert name in run(on_call, "incidents", "--all").stdout
    assert "- Resolved: 20" in run(on_call, "incident", "export", name).stdout
    assert run(on_call, "alerts").exit_code == 0


def test_whoever_lacks_a_right_is_told_the_rule_that_grants_it(nobody_kubeconfig, namespace):
    for words, verb in (
        (["incidents"], "list"),
        (["incident", "open", "--title", "x", "--severity", "P1"], "create"),
        (["ack", "x"], "get"),
    ):
        result = run(nobody_kubeconfig, *words)
        assert result.exit_code == 2
        assert f'grant {{apiGroups: ["backstop.dev"], resources: ["incidents"], verbs: ["{verb}"]}} in namespace' in (
            result.stderr
        )
