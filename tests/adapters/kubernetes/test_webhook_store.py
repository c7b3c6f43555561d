"""The webhook's Secret and configuration on a real API server, with the operator's rights and no others."""

from datetime import UTC, datetime

import pytest

from backstop.adapters.admission.issuing import CertificateIssuer
from backstop.adapters.kubernetes.webhook_store import KubernetesWebhookStore
from backstop.domain.errors import AccessDenied, ClusterUnavailable, Conflict
from backstop.vocabulary import WEBHOOK_CONFIGURATION, WEBHOOK_TLS
from tests.operator.webhook import ca_bundle, webhook

pytestmark = pytest.mark.cluster

NOW = datetime.now(UTC)
ISSUER = CertificateIssuer()
FIRST, SECOND = (ISSUER.issue(["127.0.0.1"], now=NOW) for _ in range(2))


@pytest.fixture
def store(slo_cluster, namespace, client):
    """The store of the chart's objects."""
    with webhook(slo_cluster, namespace, port=1, name=WEBHOOK_CONFIGURATION):
        yield KubernetesWebhookStore(client, namespace=namespace, configuration=WEBHOOK_CONFIGURATION)


async def test_the_charts_empty_secret_holds_nothing_and_what_is_written_is_read_back(slo_cluster, namespace, store):
    empty = await store.read()
    assert (empty.pair, empty.authorities) == (None, ())
    written = await store.write(FIRST, (FIRST.authority, SECOND.authority), version=empty.version)
    again = await store.read()
    assert again == written
    assert (again.pair, again.authorities) == (FIRST, (FIRST.authority, SECOND.authority))
    secret = slo_cluster.get("secret", WEBHOOK_TLS, "-n", namespace)
    assert secret["metadata"]["labels"]["app.kubernetes.io/name"] == "backstop"


async def test_of_two_that_write_at_once_the_second_is_told(store):
    version = (await store.read()).version
    await store.write(FIRST, (FIRST.authority,), version=version)
    with pytest.raises(Conflict):
        await store.write(SECOND, (SECOND.authority,), version=version)
    assert (await store.read()).pair == FIRST


async def test_the_chart_applied_again_leaves_the_certificate_where_it_is(slo_cluster, namespace, store):
    await store.write(FIRST, (FIRST.authority,), version=(await store.read()).version)
    await store.trust((FIRST.authority,))
    with webhook(slo_cluster, namespace, port=1, name=WEBHOOK_CONFIGURATION):
        assert (await store.read()).pair == FIRST
        assert ca_bundle(slo_cluster, WEBHOOK_CONFIGURATION) == FIRST.authority


async def test_the_api_server_is_told_only_of_what_it_does_not_trust_yet(slo_cluster, store):
    assert await store.trust((FIRST.authority,)) is True
    assert await store.trust((FIRST.authority,)) is False
    assert await store.trust((SECOND.authority, FIRST.authority)) is True
    assert await store.trust((FIRST.authority,)) is False  # a renewal under way is not undone
    assert ca_bundle(slo_cluster, WEBHOOK_CONFIGURATION) == SECOND.authority + FIRST.authority


@pytest.mark.parametrize("data", [{}, {"tls.crt": "AAAA"}, {"tls.crt": "!", "tls.key": "AAAA", "ca.crt": "AAAA"}])
async def test_whatever_somebody_wrote_into_the_secret_counts_as_nothing(slo_cluster, namespace, store, data):
    text = {key: value for key, value in data.items() if value != "!"} | {
        k: "eA==" for k, v in data.items() if v == "!"
    }
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": WEBHOOK_TLS}, "data": text}
    slo_cluster.apply(body, namespace=namespace)
    assert (await store.read()).pair is None


async def test_without_the_charts_objects_it_says_what_makes_them(namespace, client):
    store = KubernetesWebhookStore(client, namespace=namespace, configuration=WEBHOOK_CONFIGURATION)
    for call in (store.read(), store.trust((FIRST.authority,))):
        with pytest.raises(ClusterUnavailable, match="the chart makes it: run helm upgrade again"):
            await call


async def test_a_missing_right_is_named_with_the_one_object_that_it_is_for(namespace, powerless_client):
    store = KubernetesWebhookStore(powerless_client, namespace=namespace, configuration=WEBHOOK_CONFIGURATION)
    with pytest.raises(AccessDenied, match='resourceNames: \\["backstop-webhook-tls"\\]'):
        await store.read()
    with pytest.raises(AccessDenied, match='resourceNames: \\["backstop"\\]'):
        await store.trust((FIRST.authority,))
