"""What a receiver gets, and what becomes of each of its answers: over real connections, with real certificates."""

import asyncio
import logging
import ssl
from email.utils import formatdate
from ipaddress import ip_address
from time import time

import pytest
import structlog
from aiohttp import web

from backstop.domain.errors import AccessDenied, ClusterUnavailable
from backstop.domain.notification import Outcome
from backstop.domain.outbound import Outbound
from backstop.ports.notifier import Message
from backstop.vocabulary import ChannelReason, Reason
from tests.adapters.notify.receiver import KEY, LOOPBACK, Receiver

MESSAGE = Message(id="incident-1-oncall-1", body=b'{"version":"1"}')


async def test_a_message_arrives_once_signed_and_named(receiver, a_notifier, a_channel):
    attempt = await a_notifier().send(a_channel(receiver.port, path="/incidents?team=shop", Team="shop"), MESSAGE)
    assert (attempt.outcome, attempt.reason) == (Outcome.DELIVERED, ChannelReason.DELIVERED)
    [received] = receiver.received
    assert received.body == MESSAGE.body
    assert received.path == "/incidents?team=shop"
    assert received.delivery == MESSAGE.id
    assert received.headers["Content-Type"] == "application/json"
    assert received.headers["Team"] == "shop"
    assert received.is_genuine()
    assert not received.is_genuine(b"another key that is long enough")
    assert abs(received.signed_at - time()) < 60


async def test_the_certificate_is_asked_for_by_name_although_the_address_is_given(receiver, a_notifier, a_channel):
    await a_notifier().send(a_channel(receiver.port), MESSAGE)
    assert receiver.received[0].server_name == "hooks.example.com"


async def test_a_certificate_for_another_name_is_not_trusted(receiver, a_notifier, a_channel):
    outbound = Outbound(https_hosts=("*.example.com",), networks=(LOOPBACK,))
    attempt = await a_notifier(outbound=outbound).send(a_channel(receiver.port, host="other.example.com"), MESSAGE)
    assert (attempt.outcome, attempt.reason) == (Outcome.NOT_NOW, ChannelReason.NOT_TRUSTED)
    assert "not trusted" in attempt.message
    assert receiver.received == []


async def test_a_certificate_of_an_unknown_authority_is_not_trusted(receiver, a_notifier, a_channel):
    attempt = await a_notifier(tls=ssl.create_default_context()).send(a_channel(receiver.port), MESSAGE)
    assert attempt.reason is ChannelReason.NOT_TRUSTED
    assert receiver.received == []


async def test_http_needs_a_host_that_is_allowed_without_tls(plain_receiver, a_notifier, a_channel):
    channel = a_channel(plain_receiver.port, scheme="http")
    only_https = Outbound(https_hosts=("hooks.example.com",), networks=(LOOPBACK,))
    refused = await a_notifier(outbound=only_https).send(channel, MESSAGE)
    assert refused.reason is ChannelReason.HOST_NOT_ALLOWED
    assert 'allowedHostsWithoutTls: ["hooks.example.com"]' in refused.message
    assert plain_receiver.received == []
    assert (await a_notifier().send(channel, MESSAGE)).outcome is Outcome.DELIVERED


async def test_a_rotated_key_signs_the_next_message(receiver, a_notifier, a_channel, secrets):
    notifier, channel = a_notifier(), a_channel(receiver.port)
    await notifier.send(channel, MESSAGE)
    secrets.values["shop", "incident-webhook", "signing-key"] = b"a new key of sixteen bytes"
    await notifier.send(channel, MESSAGE)
    assert [received.is_genuine() for received in receiver.received] == [True, False]
    assert receiver.received[1].is_genuine(b"a new key of sixteen bytes")


@pytest.mark.parametrize(
    ("status", "outcome", "reason"),
    [
        pytest.param(204, Outcome.DELIVERED, ChannelReason.DELIVERED, id="no content"),
        pytest.param(400, Outcome.REFUSED, ChannelReason.REFUSED_BY_RECEIVER, id="a message it does not like"),
        pytest.param(401, Outcome.REFUSED, ChannelReason.REFUSED_BY_RECEIVER, id="a wrong signature"),
        pytest.param(404, Outcome.REFUSED, ChannelReason.REFUSED_BY_RECEIVER, id="a wrong address"),
        pytest.param(408, Outcome.NOT_NOW, ChannelReason.RECEIVER_FAILED, id="its own timeout"),
        pytest.param(425, Outcome.NOT_NOW, ChannelReason.RECEIVER_FAILED, id="too early"),
        pytest.param(429, Outcome.NOT_NOW, ChannelReason.RECEIVER_FAILED, id="too many"),
        pytest.param(500, Outcome.NOT_NOW, ChannelReason.RECEIVER_FAILED, id="a defect"),
        pytest.param(503, Outcome.NOT_NOW, ChannelReason.RECEIVER_FAILED, id="not available"),
    ],
)
async def test_each_answer_is_one_outcome(plain_receiver, a_notifier, a_channel, status, outcome, reason):
    plain_receiver.answers = [web.Response(status=status, text="" if status == 204 else "a private text")]
    attempt = await a_notifier().send(a_channel(plain_receiver.port, scheme="http"), MESSAGE)
    assert (attempt.outcome, attempt.reason) == (outcome, reason)
    assert str(status) in attempt.message
    assert "private" not in attempt.message


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        pytest.param("120", 120, 120, id="seconds"),
        pytest.param(lambda: formatdate(time() + 120, usegmt=True), 60, 121, id="a date"),
        pytest.param(lambda: formatdate(time() - 120, usegmt=True), 0, 0, id="a date that is over"),
    ],
)
async def test_retry_after_is_read(plain_receiver, a_notifier, a_channel, header, least, most):
    value = header if isinstance(header, str) else header()
    plain_receiver.answers = [web.Response(status=429, headers={"Retry-After": value})]
    attempt = await a_notifier().send(a_channel(plain_receiver.port, scheme="http"), MESSAGE)
    assert least <= attempt.retry_after_seconds <= most


@pytest.mark.parametrize("value", ["soon", "-1", "1e9", "٣", "9" * 400, "Mon, 99 Foo 2026"])
async def test_a_retry_after_that_says_nothing_usable_does_no_harm(plain_receiver, a_notifier, a_channel, value):
    encoded = value.encode("utf-8", "surrogateescape").decode("latin-1")
    plain_receiver.answers = [web.Response(status=429, headers={"Retry-After": encoded})]
    attempt = await a_notifier().send(a_channel(plain_receiver.port, scheme="http"), MESSAGE)
    assert attempt.reason is ChannelReason.RECEIVER_FAILED
    assert attempt.retry_after_seconds is None or attempt.retry_after_seconds <= 999_999_999


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(plain_receiver, a_notifier, a_channel, status):
    elsewhere = Receiver()
    await elsewhere.start()
    try:
        target = f"http://127.0.0.1:{elsewhere.port}/stolen"
        plain_receiver.answers = [web.Response(status=status, headers={"Location": target})]
        attempt = await a_notifier().send(a_channel(plain_receiver.port, scheme="http"), MESSAGE)
        assert (attempt.outcome, attempt.reason) == (Outcome.NOT_NOW, ChannelReason.REDIRECTED)
        assert target not in attempt.message
        assert elsewhere.received == []
        assert len(plain_receiver.received) == 1
    finally:
        await elsewhere.stop()


async def test_a_receiver_that_does_not_answer_is_given_up_at_the_channels_timeout(
    plain_receiver, a_notifier, a_channel
):
    plain_receiver.hold = asyncio.Event()
    async with asyncio.timeout(20):  # another limit than the channel's would not be met in this time
        attempt = await a_notifier().send(a_channel(plain_receiver.port, scheme="http", timeout=0.3), MESSAGE)
    assert (attempt.outcome, attempt.reason) == (Outcome.NOT_NOW, ChannelReason.NO_ANSWER_IN_TIME)
    assert "within 0.3 s" in attempt.message


async def test_a_name_server_that_does_not_answer_is_within_the_same_timeout(a_notifier, a_channel):
    async def never(host, port):
        await asyncio.Event().wait()

    attempt = await a_notifier(resolve=never).send(a_channel(443, timeout=0.3), MESSAGE)
    assert attempt.reason is ChannelReason.NO_ANSWER_IN_TIME


async def test_a_receiver_that_hangs_up_is_tried_again(plain_receiver, a_notifier, a_channel):
    plain_receiver.answers = [None]
    channel = a_channel(plain_receiver.port, scheme="http")
    attempt = await a_notifier().send(channel, MESSAGE)
    assert (attempt.outcome, attempt.reason) == (Outcome.NOT_NOW, ChannelReason.NOT_CONNECTED)
    assert len(plain_receiver.received) == 1  # no second try behind our back: the outbox decides about that
    assert (await a_notifier().send(channel, MESSAGE)).outcome is Outcome.DELIVERED


async def test_nobody_listening_is_told_by_host(plain_receiver, a_notifier, a_channel):
    port = plain_receiver.port
    await plain_receiver.stop()
    await plain_receiver.start()  # for the fixture's end, on another port
    attempt = await a_notifier().send(a_channel(port, scheme="http"), MESSAGE)
    assert attempt.reason is ChannelReason.NOT_CONNECTED
    assert attempt.message == "hooks.example.com: no connection"


async def speak(text):
    """Serve raw bytes to one client after another; return the server and its port."""

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        try:
            for part in text:
                writer.write(part)
                await writer.drain()
        except ConnectionError:
            pass  # it hangs up when it has heard enough: that is what is tested
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        pytest.param([b"SSH-2.0-OpenSSH_9.9\r\n\r\n"], ChannelReason.NOT_CONNECTED, id="another protocol"),
        pytest.param([b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000], ChannelReason.NOT_CONNECTED, id="a long header"),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(5000)) + b"\r\n"],
            ChannelReason.NOT_CONNECTED,
            id="many headers",
        ),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", *[b"a" * 65_536] * 2000],
            ChannelReason.DELIVERED,
            id="a huge answer",
        ),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbomb"],
            ChannelReason.DELIVERED,
            id="an answer that is not what it says",
        ),
    ],
)
async def test_whatever_is_answered_is_bounded_and_one_outcome(a_notifier, a_channel, parts, reason):
    server, port = await speak(parts)
    async with server:
        attempt = await a_notifier().send(a_channel(port, scheme="http"), MESSAGE)
    assert attempt.reason is reason
    assert len(attempt.message) < 300


async def test_a_proxy_of_the_environment_is_not_asked(plain_receiver, receiver, a_notifier, a_channel, monkeypatch):
    for variable in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{plain_receiver.port}")
    assert (await a_notifier().send(a_channel(receiver.port), MESSAGE)).outcome is Outcome.DELIVERED
    assert plain_receiver.received == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1"])
async def test_a_name_that_leads_inside_is_not_connected_to(plain_receiver, a_notifier, a_channel, address):
    outbound = Outbound(http_hosts=("hooks.example.com",))
    notifier = a_notifier(address=address, outbound=outbound)
    attempt = await notifier.send(a_channel(plain_receiver.port, scheme="http"), MESSAGE)
    assert (attempt.outcome, attempt.reason) == (Outcome.NOT_NOW, ChannelReason.ADDRESS_NOT_ALLOWED)
    assert "allowedNetworks" in attempt.message
    assert plain_receiver.received == []


async def test_an_address_instead_of_a_name_is_judged_as_well(plain_receiver, a_notifier, a_channel):
    outbound = Outbound(http_hosts=("127.0.0.1",))
    channel = a_channel(plain_receiver.port, host="127.0.0.1", scheme="http")
    attempt = await a_notifier(outbound=outbound).send(channel, MESSAGE)
    assert attempt.reason is ChannelReason.ADDRESS_NOT_ALLOWED
    assert plain_receiver.received == []


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0x7f000001", "0177.0.0.1"])
async def test_an_address_in_disguise_reaches_nobody(plain_receiver, a_notifier, a_channel, host):
    outbound = Outbound(http_hosts=(host,))
    attempt = await a_notifier(outbound=outbound).send(
        a_channel(plain_receiver.port, host=host, scheme="http"), MESSAGE
    )
    assert attempt.outcome is Outcome.NOT_NOW
    assert plain_receiver.received == []


async def test_a_name_that_changes_its_mind_is_resolved_once(plain_receiver, a_notifier, a_channel):
    answers = ["127.0.0.1", "127.0.0.2", "10.0.0.1"]
    asked = []

    async def rebinding(host, port):
        asked.append(host)
        return [ip_address(answers[len(asked) - 1])]

    attempt = await a_notifier(resolve=rebinding).send(a_channel(plain_receiver.port, scheme="http"), MESSAGE)
    assert attempt.outcome is Outcome.DELIVERED
    assert asked == ["hooks.example.com"]


async def test_of_several_addresses_only_allowed_ones_are_connected_to(plain_receiver, a_notifier, a_channel):
    async def both(host, port):
        return [ip_address("10.0.0.1"), ip_address("127.0.0.1")]

    attempt = await a_notifier(resolve=both).send(a_channel(plain_receiver.port, scheme="http"), MESSAGE)
    assert attempt.outcome is Outcome.DELIVERED


@pytest.mark.parametrize(
    "error", [OSError(-2, "Name or service not known"), UnicodeError("label too long")], ids=["unknown", "no name"]
)
async def test_a_name_that_does_not_exist_is_told(a_notifier, a_channel, error):
    async def unknown(host, port):
        raise error

    attempt = await a_notifier(resolve=unknown).send(a_channel(443), MESSAGE)
    assert (attempt.reason, attempt.message) == (
        ChannelReason.NAME_NOT_FOUND,
        "the name hooks.example.com cannot be resolved",
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        pytest.param(AccessDenied("apply this Role"), Reason.FORBIDDEN, id="no right"),
        pytest.param(ClusterUnavailable("no answer"), ChannelReason.KEY_UNREADABLE, id="no answer"),
    ],
)
async def test_without_its_key_nothing_is_sent(plain_receiver, a_notifier, a_channel, secrets, error, reason):
    secrets.fail_with = error
    attempt = await a_notifier().send(a_channel(plain_receiver.port, scheme="http"), MESSAGE)
    assert (attempt.outcome, attempt.reason, attempt.message) == (Outcome.NOT_NOW, reason, str(error))
    assert plain_receiver.received == []


async def test_a_missing_secret_is_told(plain_receiver, a_notifier, a_channel, secrets):
    secrets.values.clear()
    attempt = await a_notifier().send(a_channel(plain_receiver.port, scheme="http"), MESSAGE)
    assert attempt.reason is ChannelReason.KEY_MISSING
    assert plain_receiver.received == []


async def test_neither_the_key_nor_what_is_in_the_url_is_ever_logged_or_told(
    plain_receiver, receiver, a_notifier, a_channel, caplog
):
    caplog.set_level(logging.DEBUG)
    told = []
    with structlog.testing.capture_logs() as logged:
        for answer in (web.Response(), web.Response(status=500, text=KEY.decode()), None, web.Response(status=302)):
            plain_receiver.answers = [answer]
            channel = a_channel(plain_receiver.port, scheme="http", path="/?token=hidden-in-the-url")
            told.append(await a_notifier().send(channel, MESSAGE))
        untrusting = a_notifier(tls=ssl.create_default_context())
        told.append(await untrusting.send(a_channel(receiver.port, path="/?token=hidden-in-the-url"), MESSAGE))
    assert len(told) == 5
    everything = f"{told} {logged} {caplog.text}"
    assert KEY.decode() not in everything
    assert KEY.hex() not in everything
    assert "hidden-in-the-url" not in everything
