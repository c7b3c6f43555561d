"""The HTTPS server as the API server meets it: real TLS, hostile bodies, a certificate that changes under way."""

import asyncio
import io
import json
import ssl
from datetime import UTC, datetime

import aiohttp
import pytest

from backstop.adapters.admission import server as module
from backstop.adapters.admission.issuing import CertificateIssuer
from backstop.adapters.admission.server import MAX_BODY_BYTES, PATH, AdmissionServer
from backstop.engine.admission import KnownObjects
from tests.fakes.clock import LoopClock

NOW = datetime.now(UTC)
ISSUER = CertificateIssuer()
PAIR = ISSUER.issue(["127.0.0.1"], now=NOW)
OTHER = ISSUER.issue(["127.0.0.1"], now=NOW)


def review(target=99.9):
    body = {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": "SLO",
        "metadata": {"name": "checkout", "namespace": "shop"},
        "spec": {"target": target, "indicator": {"ratio": {"bad": "errors_total", "total": "requests_total"}}},
    }
    request = {"uid": "r-1", "kind": {"kind": "SLO"}, "operation": "CREATE", "namespace": "shop", "object": body}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


@pytest.fixture
async def server():
    outcomes = []
    made = AdmissionServer(
        host="127.0.0.1", port=0, known=lambda: KnownObjects({}), clock=LoopClock(), reviewed=outcomes.append
    )
    made.outcomes = outcomes
    made.port = await made.start()
    yield made
    await made.close()


@pytest.fixture
async def call(server):
    """Send bytes with a connection of its own, trusting what is named; return status and body."""
    server.serve(PAIR)

    async def send(body, *, trusting=PAIR, path=PATH):
        context = ssl.create_default_context(cadata=trusting.authority.decode())
        async with aiohttp.ClientSession() as session:
            url = f"https://127.0.0.1:{server.port}{path}"
            async with session.post(
                url, data=io.BytesIO(body.encode() if isinstance(body, str) else body), ssl=context
            ) as answer:
                return answer.status, await answer.read()

    return send


async def test_an_object_is_judged_over_tls(server, call):
    status, body = await call(json.dumps(review()))
    assert (status, json.loads(body)["response"]) == (200, {"uid": "r-1", "allowed": True})
    status, body = await call(json.dumps(review(target=101)))
    assert status == 200
    assert json.loads(body)["response"]["status"]["message"].startswith("spec.target: must lie between 0 and 100")
    assert server.outcomes == ["allowed", "refused"]


async def test_without_a_certificate_it_says_that_nobody_would_be_answered(server):
    assert server.problem() == "the admission webhook has no certificate yet"
    server.serve(PAIR)
    assert server.problem() is None


async def test_before_it_listens_it_says_so():
    made = AdmissionServer(host="127.0.0.1", port=0, known=lambda: KnownObjects({}), clock=LoopClock())
    assert made.problem() == "the admission webhook does not listen yet"
    await made.close()


async def test_a_new_certificate_is_shown_to_new_connections_while_open_ones_go_on(server, call):
    context = ssl.create_default_context(cadata=PAIR.authority.decode())
    async with aiohttp.ClientSession(f"https://127.0.0.1:{server.port}") as session:
        async with session.post(PATH, json=review(), ssl=context) as answer:
            assert (await answer.json())["response"]["allowed"]
        server.serve(OTHER)
        assert (await call(json.dumps(review()), trusting=OTHER))[0] == 200
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await call(json.dumps(review()), trusting=PAIR)
        async with session.post(PATH, json=review(), ssl=context) as answer:  # the connection from before
            assert (await answer.json())["response"]["allowed"]


async def test_a_key_that_does_not_fit_is_refused_and_what_was_shown_stays(server, call):
    with pytest.raises(ValueError, match="the certificate cannot be used"):
        server.serve(type(PAIR)(certificate=PAIR.certificate, key=OTHER.key, authority=PAIR.authority))
    assert (await call(json.dumps(review())))[0] == 200


HOSTILE = {
    "nothing": (b"", 400),
    "no JSON": (b"{" * 10, 400),
    "too deep": (b"[" * 1_000_000, 400),
    "no uid": (b"{}", 400),
    "too large": (b" " * (MAX_BODY_BYTES + 1), 413),
}


@pytest.mark.parametrize(("body", "expected"), HOSTILE.values(), ids=HOSTILE)
async def test_a_body_that_cannot_be_answered_is_an_error_of_http_and_the_next_one_is_answered(call, body, expected):
    assert (await call(body))[0] == expected
    assert (await call(json.dumps(review())))[0] == 200


async def test_an_object_as_large_as_the_api_server_stores_is_judged(call):
    large = review()
    large["request"]["object"]["spec"]["service"] = "x" * (3 * 2**19)
    large["request"]["oldObject"] = large["request"]["object"]
    status, body = await call(json.dumps(large))
    assert (status, json.loads(body)["response"]["allowed"]) == (200, False)
    assert len(body) < 4096


async def test_what_takes_too_long_is_refused_in_time_and_said_to_be_ours(server, call, monkeypatch):
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.05)
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    waiting = asyncio.run_coroutine_threadsafe  # the thread waits for the test, not for a time

    def slow(*_, **__):
        waiting(done.wait(), loop).result()

    monkeypatch.setattr(module, "judge", slow)
    _, body = await call(json.dumps(review()))
    done.set()
    told = json.loads(body)["response"]
    assert told["allowed"] is False
    assert "This is a defect of Backstop" in told["status"]["message"]
    assert server.outcomes == ["failed"]


async def test_many_at_once_wait_for_their_turn(server):
    server.serve(PAIR)
    context = ssl.create_default_context(cadata=PAIR.authority.decode())
    async with aiohttp.ClientSession(f"https://127.0.0.1:{server.port}") as session:

        async def allowed():
            async with session.post(PATH, json=review(), ssl=context) as answer:
                return (await answer.json())["response"]["allowed"]

        assert await asyncio.gather(*(allowed() for _ in range(60))) == [True] * 60


async def test_who_gets_no_place_in_time_is_told_to_try_again(server, call, monkeypatch):
    monkeypatch.setattr(module, "PLACE_SECONDS", 0.05)
    monkeypatch.setattr(server, "_places", asyncio.Semaphore(0))
    assert (await call(json.dumps(review())))[0] == 503
    assert server.outcomes == ["busy"]


async def test_a_body_that_does_not_come_gives_its_place_back(server, call, monkeypatch):
    monkeypatch.setattr(module, "READ_SECONDS", 0.05)
    monkeypatch.setattr(server, "_places", asyncio.Semaphore(1))
    context = ssl.create_default_context(cadata=PAIR.authority.decode())
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context)
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n".encode())
    assert b"408" in await reader.readline()
    writer.close()
    assert (await call(json.dumps(review())))[0] == 200


@pytest.mark.parametrize("path", ["/", "/metrics", "/validate/x"])
async def test_nothing_else_is_served(call, path):
    assert (await call(b"{}", path=path))[0] == 404
