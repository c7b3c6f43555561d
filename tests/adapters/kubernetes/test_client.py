"""The door to the API server: logins, bounds in time, and answers that are none."""

import asyncio
import time

import pytest
import yaml
from pytest_httpserver import HTTPServer

from backstop.adapters.kubernetes.calls import SLOS, ApiCall, Verb
from backstop.adapters.kubernetes.client import ClientSettings, KubernetesClient
from backstop.adapters.kubernetes.errors import NotFound
from backstop.domain.errors import ClusterUnavailable, SpecError
from tests.adapters.kubernetes.stalling import stallable_proxy

LIST = ApiCall(verb=Verb.LIST, resource=SLOS)
LIST_PATH = "/apis/backstop.dev/v1alpha1/slos"


def write_kubeconfig(path, server, *, token="secret", **changes):
    given = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "one", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {"token": token}}],
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "me"}}],
        "current-context": "one",
    }
    path.write_text(yaml.safe_dump(given | changes))
    return path


@pytest.fixture
async def door(httpserver: HTTPServer, tmp_path):
    """A client of a local web server that plays the API server."""
    path = write_kubeconfig(tmp_path / "kubeconfig", httpserver.url_for("").rstrip("/"))
    client = await KubernetesClient.connect(ClientSettings(kubeconfig=path, timeout_seconds=2.0))
    yield client
    await client.close()


async def test_a_call_carries_the_token_and_returns_the_parsed_answer(door, httpserver):
    httpserver.expect_request(LIST_PATH, headers={"Authorization": "Bearer secret"}).respond_with_json({"items": []})
    assert await door.request(LIST) == {"items": []}


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (200, "<html>welcome</html>", "the answer is not JSON"),
        (200, "[]", "the answer is not an object"),
        (503, "<html>no backend</html>", "503: <html>no backend</html>"),
        (500, "", "500: "),
    ],
)
async def test_what_is_no_answer_of_kubernetes_is_unavailable(door, httpserver, status, body, problem):
    httpserver.expect_request(LIST_PATH).respond_with_data(body, status=status, content_type="text/html")
    with pytest.raises(ClusterUnavailable, match="list slos") as raised:
        await door.request(LIST)
    assert problem in str(raised.value)


async def test_a_token_that_expired_is_read_anew_once(door, httpserver, tmp_path):
    old, new = {"Authorization": "Bearer secret"}, {"Authorization": "Bearer fresh"}
    httpserver.expect_request(LIST_PATH, headers=old).respond_with_json({"message": "expired"}, status=401)
    httpserver.expect_request(LIST_PATH, headers=new).respond_with_json({"items": []})
    write_kubeconfig(tmp_path / "kubeconfig", httpserver.url_for("").rstrip("/"), token="fresh")
    answers = await asyncio.gather(*(door.request(LIST) for _ in range(5)))
    assert answers == [{"items": []}] * 5
    assert sum(request.headers["Authorization"] == "Bearer secret" for request, _ in httpserver.log) <= 5


async def test_credentials_that_stay_refused_are_unavailable_and_not_asked_for_without_end(door, httpserver):
    httpserver.expect_request(LIST_PATH).respond_with_json({"message": "Unauthorized"}, status=401)
    for _ in range(3):
        with pytest.raises(ClusterUnavailable, match="401: Unauthorized"):
            await door.request(LIST)
    assert len(httpserver.log) <= 6


async def test_a_refused_connection_is_unavailable_and_names_the_server(tmp_path):
    path = write_kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:1")
    client = await KubernetesClient.connect(ClientSettings(kubeconfig=path))
    with pytest.raises(ClusterUnavailable, match=r"list slos: http://127\.0\.0\.1:1: "):
        await client.request(LIST)
    await client.close()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="missing"),
        pytest.param("", id="empty"),
        pytest.param("{", id="no YAML"),
        pytest.param("just text", id="no mapping"),
        pytest.param("{apiVersion: v1, kind: Config}", id="without a context"),
        pytest.param("{current-context: x, contexts: [], clusters: [], users: []}", id="with an unknown context"),
        pytest.param("{current-context: x, contexts: 7}", id="with nonsense"),
    ],
)
async def test_a_kubeconfig_that_cannot_be_used_is_one_clear_sentence(tmp_path, content):
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SpecError, match=f"kubeconfig {path} cannot be used: .*; set KUBECONFIG or name a file"):
        await KubernetesClient.connect(ClientSettings(kubeconfig=path))


async def test_a_context_can_be_chosen(tmp_path):
    other = {"name": "two", "context": {"cluster": "two", "user": "me"}}
    given = yaml.safe_load(write_kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:1").read_text())
    given["contexts"].append(other)
    given["clusters"].append({"name": "two", "cluster": {"server": "http://127.0.0.1:2"}})
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(given))
    settings = ClientSettings(kubeconfig=tmp_path / "kubeconfig", context="two")
    client = await KubernetesClient.connect(settings)
    assert client.server == "http://127.0.0.1:2"
    await client.close()


async def test_without_a_name_the_kubeconfig_of_the_environment_is_used(tmp_path, monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(tmp_path / "mine", "http://127.0.0.1:3")))
    client = await KubernetesClient.connect(ClientSettings())
    assert client.server == "http://127.0.0.1:3"
    await client.close()


async def test_the_connection_for_the_watch_has_the_token_without_its_scheme(door):
    given = await door.connection()
    assert (given.token, given.server, given.insecure) == ("secret", door.server, False)


async def test_reading_a_kubeconfig_does_not_change_it(tmp_path):
    path = write_kubeconfig(tmp_path / "kubeconfig", "http://127.0.0.1:1")
    before = path.read_bytes()
    client = await KubernetesClient.connect(ClientSettings(kubeconfig=path))
    await client.connection()
    await client.close()
    assert path.read_bytes() == before


@pytest.mark.cluster
async def test_a_hanging_server_costs_the_timeout_and_no_more(operator_kubeconfig, tmp_path):
    async with stallable_proxy(operator_kubeconfig, tmp_path) as (path, flowing):
        client = await KubernetesClient.connect(ClientSettings(kubeconfig=path, timeout_seconds=1.0, connections=2))
        await client.request(LIST)
        flowing.clear()
        began = time.monotonic()
        # More calls than connections: waiting for a connection counts as well.
        answers = await asyncio.gather(*(client.request(LIST) for _ in range(6)), return_exceptions=True)
        assert time.monotonic() - began < 2.0
        assert [type(answer) for answer in answers] == [ClusterUnavailable] * 6
        assert "no answer from" in str(answers[0])
        flowing.set()
        await client.request(LIST)
        await client.close()


@pytest.mark.cluster
async def test_an_unknown_kind_and_an_unknown_object_are_told_apart(client, namespace):
    unknown = ApiCall(verb=Verb.GET, resource=SLOS, namespace=namespace, name="none")
    with pytest.raises(NotFound) as raised:
        await client.request(unknown)
    assert not raised.value.kind_missing
