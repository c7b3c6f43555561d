"""Objects are judged at apply, and records are held to who made them: real API server, `backstop run` as a process."""

import json

import pytest

from backstop.vocabulary import Annotation
from tests.cluster.waiting import wait_until
from tests.operator.harness import OperatorProcess, slo_manifest
from tests.operator.webhook import ADDRESS, ca_bundle, records_policy, refusal, webhook
from tests.prometheus_server import free_port

pytestmark = pytest.mark.cluster


@pytest.fixture
def judged(cluster, slos, tmp_path):
    """A namespace in which the API server asks an operator; give the operator, not started yet."""
    port = free_port()
    built = OperatorProcess(
        cluster,
        tmp_path / "operator",
        namespaces=[slos.namespace],
        sources=[{"name": "default", "url": f"http://{ADDRESS}:{free_port()}"}],
        admission={
            "enabled": True,
            "host": ADDRESS,
            "port": port,
            "names": [ADDRESS],
            "configuration": slos.namespace,
        },
    )
    with webhook(cluster, slos.namespace, port):
        yield built
        built.kill()


def wait_for_answers(cluster, namespace):
    """The API server takes a changed configuration a moment after it is stored."""
    good = slo_manifest("good", namespace)
    wait_until(lambda: refusal(cluster, "create", "--dry-run=server", manifest=good) is None, 60.0, describe="answers")


def test_a_mistake_is_told_at_apply_with_the_field_and_the_words_that_ready_would_have(cluster, slos, judged):
    wrong = slo_manifest("wrong", slos.namespace, indicator={"ratio": {"bad": "sum(", "total": "requests_total"}})
    told = refusal(cluster, "create", manifest=wrong)
    assert "failed calling webhook" in told  # nobody answers yet: what cannot be judged is not stored
    judged.start()
    wait_for_answers(cluster, slos.namespace)
    told = refusal(cluster, "create", manifest=wrong)
    assert 'The SLO "wrong" is invalid: spec.indicator.ratio.bad: is not' in told
    assert slos.cluster.get("slos", "-n", slos.namespace)["items"] == []


def test_what_was_stored_while_nobody_judged_says_in_its_status_what_the_webhook_says(cluster, slos, judged):
    wrong = slo_manifest("wrong", slos.namespace, indicator={"ratio": {"bad": "sum(", "total": "requests_total"}})
    configuration = f"validatingwebhookconfiguration/{slos.namespace}"
    ignore = '[{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}]'
    cluster.kubectl("patch", configuration, "--type=json", f"--patch={ignore}")
    wait_until(lambda: refusal(cluster, "create", manifest=wrong) is None, 30.0, describe="the object to be stored")
    judged.start()
    ready = slos.wait_for_condition("Ready", "False", "Invalid", "wrong")
    wait_for_answers(cluster, slos.namespace)
    wait_until(
        lambda: refusal(
            cluster, "create", "--dry-run=server", manifest=wrong | {"metadata": {**wrong["metadata"], "name": "again"}}
        ),
        60.0,
        describe="a refusal",
    )
    given = wrong | {"metadata": {**wrong["metadata"], "name": "again"}}
    assert ready["message"] in refusal(cluster, "create", manifest=given)
    cluster.kubectl("label", "slo", "wrong", "tier=1", "-n", slos.namespace)  # outside of the spec it can change
    assert refusal(
        cluster, "patch", "slo", "wrong", "-n", slos.namespace, "--type=merge", '--patch={"spec":{"target":98}}'
    )
    cluster.kubectl("delete", "slo", "wrong", "-n", slos.namespace)


def test_a_killed_operator_answers_again_with_the_certificate_it_had(cluster, slos, judged):
    judged.start()
    wait_for_answers(cluster, slos.namespace)
    trusted = ca_bundle(cluster, slos.namespace)
    judged.kill()
    assert "failed calling webhook" in refusal(cluster, "create", manifest=slo_manifest("a", slos.namespace))
    judged.start()
    wait_for_answers(cluster, slos.namespace)
    assert ca_bundle(cluster, slos.namespace) == trusted


@pytest.mark.slow
def test_an_emptied_secret_and_a_lost_ca_bundle_heal_without_a_restart(cluster, slos, judged):
    judged.start()
    wait_for_answers(cluster, slos.namespace)
    before = ca_bundle(cluster, slos.namespace)
    empty = '[{"op": "remove", "path": "/data"}]'
    cluster.kubectl("patch", "secret", "backstop-webhook-tls", "-n", slos.namespace, "--type=json", f"--patch={empty}")
    wait_until(
        lambda: ca_bundle(cluster, slos.namespace) not in (before, b""),
        90.0,
        describe="another authority to be trusted",
    )
    wait_for_answers(cluster, slos.namespace)
    drop = '[{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]'
    configuration = f"validatingwebhookconfiguration/{slos.namespace}"
    cluster.kubectl("patch", configuration, "--type=json", f"--patch={drop}")
    wait_for_answers(cluster, slos.namespace)
    assert ca_bundle(cluster, slos.namespace)


ALICE, BOB = "alice@example.com", "bob@example.com"


@pytest.fixture(scope="module")
def records(cluster, crds):
    """The policy on records and the roles for people."""
    cluster.wait("crd/incidents.backstop.dev", "--for=condition=Established")
    with records_policy(cluster, "t-records"):
        yield


@pytest.fixture
def team(cluster, records, namespace):
    """A namespace in which Alice and Bob may edit, with an incident that Alice opened; give the namespace."""
    for user in (ALICE, BOB):
        name = user.split("@", maxsplit=1)[0]
        cluster.kubectl(
            "create", "rolebinding", name, "--clusterrole=edit", f"--user={user}", f"--namespace={namespace}"
        )
    wait_until(
        lambda: (
            "yes"
            in cluster.kubectl("auth", "can-i", "create", "incidents.backstop.dev", f"--as={BOB}", "-n", namespace)
        ),
        60.0,
        describe="the edit role to include incidents",
    )
    wait_until(
        lambda: (
            "opens an incident" in (refusal(cluster, "create", "--dry-run=server", manifest=incident(namespace)) or "")
        ),
        60.0,
        describe="the policy to be in force",
    )
    assert refusal(cluster, "create", f"--as={ALICE}", manifest=incident(namespace, opened_by=ALICE)) is None
    return namespace


def incident(namespace, *, name="outage", opened_by=None, **spec):
    body = {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": "Incident",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"title": "Payments fail", "severity": "P1", **spec},
    }
    if opened_by is not None:
        body["metadata"]["annotations"] = {str(Annotation.OPENED_BY): opened_by}
    return body


def annotate(cluster, namespace, user, **annotations):
    """Annotate the incident as a user; return the refusal, None when it was stored. None as a value removes."""
    given = {str(Annotation[name.upper()]): value for name, value in annotations.items()}
    patch = json.dumps({"metadata": {"annotations": given}})
    return refusal(
        cluster, "patch", "incident", "outage", "-n", namespace, f"--as={user}", "--type=merge", f"--patch={patch}"
    )


BY = [a.name.lower() for a in Annotation if a.name.endswith("_BY") and a is not Annotation.OPENED_BY]


@pytest.mark.contract(17)
@pytest.mark.parametrize("name", BY)
def test_nobody_can_put_down_somebody_elses_name(cluster, team, name):
    told = annotate(cluster, team, BOB, **{name: ALICE})
    assert (
        f"nobody speaks for somebody else: the annotation {Annotation[name.upper()]} must be your own user name" in told
    )
    assert f", {BOB}, or stay as it is" in told
    assert annotate(cluster, team, BOB, **{name: BOB}) is None
    assert annotate(cluster, team, ALICE, **{name: BOB.upper()}) is not None
    assert annotate(cluster, team, ALICE, severity_by=ALICE, severity="P2") is None  # beside it, Bob's own stays
    assert annotate(cluster, team, ALICE, **{name: ALICE}) is None


@pytest.mark.contract(17)
def test_what_somebody_said_cannot_be_changed_under_their_name(cluster, team):
    assert annotate(cluster, team, ALICE, note="I restarted the cache", noted_by=ALICE) is None
    assert "who writes the annotation backstop.dev/note signs it" in annotate(cluster, team, BOB, note="I did nothing")
    assert annotate(cluster, team, BOB, severity="P3") is not None
    assert annotate(cluster, team, BOB, note="It did not help", noted_by=BOB) is None


@pytest.mark.contract(17)
def test_an_incident_names_who_opened_it_truly_and_for_ever(cluster, team):
    second = incident(team, name="second", opened_by=ALICE)
    assert "who opens an incident says so" in refusal(cluster, "create", f"--as={BOB}", manifest=second)
    assert "who opens an incident says so" in refusal(
        cluster, "create", f"--as={BOB}", manifest=incident(team, name="second")
    )
    for changed in (BOB, None):
        assert "who opened an incident is never changed" in annotate(cluster, team, BOB, opened_by=changed)
    as_policy = incident(team, name="second", opened_by=BOB, policy="checkout")
    assert "leave it out of one that a person opens" in refusal(cluster, "create", f"--as={BOB}", manifest=as_policy)


@pytest.mark.contract(17)
def test_the_spec_of_an_incident_stays_what_it_was_opened_with(cluster, team):
    told = refusal(
        cluster,
        "patch",
        "incident",
        "outage",
        "-n",
        team,
        f"--as={ALICE}",
        "--type=merge",
        '--patch={"spec":{"severity":"P3"}}',
    )
    assert "the spec of an incident is what it was opened for" in told


@pytest.mark.contract(17)
def test_people_who_edit_can_neither_delete_an_incident_nor_write_any_status(cluster, team):
    assert "cannot delete" in refusal(cluster, "delete", "incident", "outage", "-n", team, f"--as={BOB}")
    status = '--patch={"status":{"state":"Resolved"}}'
    told = refusal(
        cluster,
        "patch",
        "incident",
        "outage",
        "-n",
        team,
        f"--as={BOB}",
        "--subresource=status",
        "--type=merge",
        status,
    )
    assert "forbidden" in told
    assert '"incidents/status"' in told
    # Without the subresource the status that comes along is dropped, not stored.
    assert refusal(cluster, "patch", "incident", "outage", "-n", team, f"--as={BOB}", "--type=merge", status) is None
    assert "state" not in cluster.get("incident", "outage", "-n", team).get("status", {})


@pytest.mark.contract(17)
def test_an_incident_cannot_be_given_an_owner_with_which_it_would_vanish(cluster, team):
    cluster.kubectl("create", "configmap", "owner", f"--namespace={team}")
    uid = cluster.get("configmap", "owner", "-n", team)["metadata"]["uid"]
    owners = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}]
    patch = json.dumps({"metadata": {"ownerReferences": owners}})
    told = refusal(
        cluster, "patch", "incident", "outage", "-n", team, f"--as={BOB}", "--type=merge", f"--patch={patch}"
    )
    assert "an incident has no owner" in told
    owned = incident(team, name="second", opened_by=BOB)
    owned["metadata"]["ownerReferences"] = owners
    assert "an incident has no owner" in refusal(cluster, "create", f"--as={BOB}", manifest=owned)


@pytest.mark.contract(17)
def test_not_even_an_administrator_speaks_for_somebody_else_by_mistake(cluster, team):
    patch = json.dumps({"metadata": {"annotations": {str(Annotation.RESOLVED_BY): ALICE}}})
    told = refusal(cluster, "patch", "incident", "outage", "-n", team, "--type=merge", f"--patch={patch}")
    assert "nobody speaks for somebody else" in told


def test_the_operator_itself_writes_what_others_did(cluster, team):
    account = "system:serviceaccount:backstop-system:backstop"
    cluster.kubectl(
        "create", "rolebinding", "operator", "--clusterrole=edit", f"--user={account}", f"--namespace={team}"
    )
    assert annotate(cluster, team, account, acknowledged_by=ALICE) is None
