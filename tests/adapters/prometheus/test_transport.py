"""Every query ends in time, leaves nothing behind, and uses no more of the server than allowed."""

import asyncio
import contextlib
import gc
import gzip
import json
import socket
import threading
import time

import pytest

from backstop.domain.errors import QueryRejected, QueryTimedOut, SourceUnreachable
from tests.adapters.prometheus.raw_server import SUCCESS
from tests.prometheus_server import free_port, wait_until

TIMEOUT = 0.5
IN_TIME = 3.0  # seconds; TIMEOUT with room for a busy machine, and far below any wait that is not bounded


@contextlib.contextmanager
def ends_in_time(at_least=0.0):
    began = time.monotonic()
    yield
    assert at_least <= time.monotonic() - began < IN_TIME


def no_answer(server):
    return server.hang


def a_dripping_status_line(_):
    return lambda connection: connection.drip(b"HTTP/1.1 200 OK")


def a_dripping_header(_):
    return lambda connection: (connection.send(b"HTTP/1.1 200 OK\r\nX-Long: "), connection.drip(b"x"))


def a_dripping_body(_):
    return lambda connection: (
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"),
        connection.drip(b" "),
    )


def a_dripping_chunk_size(_):
    return lambda connection: (
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        connection.drip(b"0"),
    )


def a_dripping_compressed_body(_):
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"
    return lambda connection: (connection.send(head), connection.drip(b"\x00"))


@pytest.mark.parametrize(
    "behaviour_of",
    [no_answer, a_dripping_status_line, a_dripping_header, a_dripping_body, a_dripping_chunk_size],
)
async def test_a_server_that_takes_its_time_is_left_at_the_deadline(server, source_for, behaviour_of):
    server.behaviour = behaviour_of(server)
    source = source_for(server.url, timeout="500ms", concurrency=1)
    with ends_in_time(at_least=TIMEOUT * 0.9), pytest.raises(QueryTimedOut, match="no complete answer within 500ms"):
        await source.query("up", at=1)
    server.behaviour = lambda connection: connection.reply(SUCCESS)
    with ends_in_time():  # the only thread is free again
        assert (await source.query("up", at=1)).samples


async def test_a_query_that_found_no_place_in_time_says_so(server, source_for):
    server.behaviour = server.hang
    source = source_for(server.url, timeout="500ms", concurrency=1)
    first = asyncio.create_task(source.query("up", at=1))
    await asyncio.sleep(0)
    with ends_in_time(), pytest.raises(QueryTimedOut, match="waiting for one of 1 places; raise its concurrency"):
        await source.query("up", at=1)
    with pytest.raises(QueryTimedOut, match="no complete answer"):
        await first


async def test_a_dripping_compressed_body_ends_as_well(server, source_for):
    server.behaviour = a_dripping_compressed_body(server)
    with ends_in_time(), pytest.raises(SourceUnreachable):
        await source_for(server.url, timeout="500ms").query("up", at=1)


async def test_an_endless_answer_is_cut_at_its_size(server, source_for):
    def endless(connection):
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        connection.flood(b" " * 65_536)

    server.behaviour = endless
    with pytest.raises(QueryRejected, match="larger than 2 MiB; aggregate"):
        await source_for(server.url, max_answer_bytes=2 * 1024 * 1024).query("up", at=1)


async def test_the_size_counts_after_decompression(server, source_for):
    bomb = gzip.compress(b" " * 20_000_000)
    assert len(bomb) < 100_000
    server.behaviour = lambda connection: connection.reply(bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(QueryRejected, match="larger than 1 MiB"):
        await source_for(server.url, max_answer_bytes=1024 * 1024).query("up", at=1)


async def test_a_compressed_answer_is_read(server, source_for):
    body = gzip.compress(json.dumps(SUCCESS).encode())
    server.behaviour = lambda connection: connection.reply(body, headers={"Content-Encoding": "gzip"})
    assert len((await source_for(server.url).query("up", at=1)).samples) == 1
    assert "gzip" in server.requests[0].headers["accept-encoding"]


async def test_a_server_that_never_accepts_is_unreachable_in_time(source_for):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as fillers:
        for _ in range(4):  # a backlog that is full: the kernel leaves further connections unanswered
            filler = fillers.enter_context(socket.socket())
            filler.settimeout(0)
            filler.connect_ex(full.getsockname())
        source = source_for(f"http://127.0.0.1:{full.getsockname()[1]}", timeout="500ms")
        with (
            ends_in_time(at_least=TIMEOUT * 0.9),
            pytest.raises(SourceUnreachable, match="no connection within 500ms") as caught,
        ):
            await source.query("up", at=1)
        assert not isinstance(caught.value, QueryTimedOut)


async def test_a_resolver_that_hangs_does_not_hold_the_caller(source_for, monkeypatch):
    resolved = threading.Event()

    def hang(*_, **__):
        resolved.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "gave up")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    with ends_in_time(at_least=TIMEOUT * 0.9), pytest.raises(SourceUnreachable, match="no connection within 500ms"):
        await source_for("http://slow.example", timeout="500ms").query("up", at=1)
    resolved.set()  # the thread goes on then, and ends with its source


async def test_the_next_address_of_a_host_is_tried_when_one_refuses(server, source_for, monkeypatch):
    real = socket.getaddrinfo

    def two_addresses(host, port, **options):
        return real("127.0.0.1", free_port(), **options) + real("127.0.0.1", port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", two_addresses)
    assert (await source_for(server.url.replace("127.0.0.1", "two.example")).query("up", at=1)).samples


async def test_a_tls_handshake_that_drips_ends_in_time(server, source_for):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip():
            accepted, _ = listener.accept()
            with accepted, contextlib.suppress(OSError):
                accepted.sendall(b"\x16\x03\x03\x40\x00")  # a TLS record of 16 KiB is announced
                while True:
                    accepted.sendall(b"\x00")
                    accepted.settimeout(0.02)
                    with contextlib.suppress(TimeoutError):
                        if not accepted.recv(4096):
                            return

        dripping = threading.Thread(target=drip)
        dripping.start()
        source = source_for(f"https://127.0.0.1:{listener.getsockname()[1]}", timeout="500ms")
        with ends_in_time(), pytest.raises(SourceUnreachable):
            await source.query("up", at=1)
        dripping.join(IN_TIME)
        assert not dripping.is_alive()  # it saw us hang up


async def test_the_server_gets_a_timeout_a_bit_shorter_than_ours(server, source_for):
    await source_for(server.url, timeout="10s").query("up", at=1)
    assert 8.5 < float(server.requests[0].form["timeout"]) <= 9.0


async def test_the_time_waited_for_a_place_is_taken_off_the_servers_timeout(server, source_for):
    first_answer = threading.Event()
    server.behaviour = lambda connection: (first_answer.wait(30), connection.reply(SUCCESS))
    source = source_for(server.url, timeout="10s", concurrency=1)
    first = asyncio.create_task(source.query("up", at=1))
    second = asyncio.create_task(source.query("up", at=1))
    await asyncio.sleep(0)
    began = time.monotonic()
    await asyncio.to_thread(wait_until, lambda: server.requests, "the first query arrived")
    waited = time.monotonic() - began
    first_answer.set()
    await asyncio.gather(first, second)
    assert float(server.requests[1].form["timeout"]) <= (10 - waited) * 0.9


async def test_no_more_than_the_allowed_number_is_under_way(server, source_for):
    enough = threading.Event()
    server.behaviour = lambda connection: (enough.wait(30), connection.reply(SUCCESS))
    source = source_for(server.url, timeout="30s", concurrency=3)
    queries = [asyncio.create_task(source.query("up", at=1)) for _ in range(10)]
    await asyncio.to_thread(wait_until, lambda: server.in_flight == 3, "three queries at the server")
    enough.set()
    await asyncio.gather(*queries)
    assert len(server.requests) == 10
    assert server.max_in_flight == 3


async def test_connections_are_used_again(server, source_for):
    source = source_for(server.url, concurrency=2)
    for _ in range(5):
        await asyncio.gather(*(source.query("up", at=1) for _ in range(4)))
    assert len(server.requests) == 20
    assert len({request.peer for request in server.requests}) <= 2


async def test_a_connection_that_the_server_closed_meanwhile_is_replaced(server, source_for):
    server.behaviour = lambda connection: (connection.reply(SUCCESS), connection.cut())
    source = source_for(server.url, concurrency=1)
    await source.query("up", at=1)
    await asyncio.to_thread(wait_until, lambda: server.in_flight == 0, "the server closed the connection")
    assert (await source.query("up", at=1)).samples
    assert len({request.peer for request in server.requests}) == 2


async def test_a_cancelled_query_hangs_up_and_frees_its_thread(server, source_for):
    server.behaviour = server.hang
    source = source_for(server.url, timeout="60s", concurrency=1)
    query = asyncio.create_task(source.query("up", at=1))
    await asyncio.to_thread(wait_until, lambda: server.requests, "the query arrived")
    query.cancel()
    with pytest.raises(asyncio.CancelledError):
        await query
    assert await asyncio.to_thread(server.hung_up.wait, IN_TIME)
    server.behaviour = lambda connection: connection.reply(SUCCESS)
    with ends_in_time():
        assert (await source.query("up", at=1)).samples


async def test_a_query_cancelled_on_a_used_connection_hangs_up_too(server, source_for):
    source = source_for(server.url, timeout="60s", concurrency=1)
    await source.query("up", at=1)
    server.behaviour = server.hang
    query = asyncio.create_task(source.query("up", at=1))
    await asyncio.to_thread(wait_until, lambda: len(server.requests) == 2, "the second query arrived")
    assert server.requests[0].peer == server.requests[1].peer
    query.cancel()
    assert await asyncio.to_thread(server.hung_up.wait, IN_TIME)


async def test_a_query_cancelled_while_it_waits_is_never_sent(server, source_for):
    server.behaviour = server.hang
    source = source_for(server.url, timeout="60s", concurrency=1)
    first = asyncio.create_task(source.query("first", at=1))
    await asyncio.to_thread(wait_until, lambda: server.requests, "the first query arrived")
    second = asyncio.create_task(source.query("second", at=1))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    server.behaviour = lambda connection: connection.reply(SUCCESS)
    first.cancel()
    await source.query("third", at=1)
    assert [request.form["query"] for request in server.requests] == ["first", "third"]


async def test_closing_ends_what_is_under_way_and_what_waits(server, source_for):
    server.behaviour = server.hang
    source = source_for(server.url, timeout="60s", concurrency=1)
    queries = [asyncio.create_task(source.query("up", at=1)) for _ in range(3)]
    await asyncio.to_thread(wait_until, lambda: server.requests, "the first query arrived")
    with ends_in_time():
        await source.close()
    outcomes = await asyncio.gather(*queries, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [SourceUnreachable] * 3
    assert "closed" in str(outcomes[0])
    assert await asyncio.to_thread(server.hung_up.wait, IN_TIME)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("source-default")]


async def test_closing_hangs_up_on_idle_connections(server, source_for):
    source = source_for(server.url)
    server.behaviour = lambda connection: connection.cut()
    with pytest.raises(SourceUnreachable) as caught:
        await source.query("up", at=1)
    server.behaviour = lambda connection: connection.reply(SUCCESS)
    await source.query("up", at=1)
    gc.disable()  # what only the collector closes stays open
    try:
        await source.close()
        await asyncio.to_thread(wait_until, lambda: server.open_connections == 0, "connections closed", seconds=IN_TIME)
    finally:
        gc.enable()
    assert caught.value.__cause__ is not None  # its frames have held the pool until here


async def test_a_large_query_travels_in_the_body(server, source_for):
    expression = "up + " * 20_000 + "up"
    await source_for(server.url).query(expression, at=1.23456)
    (request,) = server.requests
    assert request.line == "POST /api/v1/query HTTP/1.1"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.form["query"] == expression
    assert request.form["time"] == "1.235"


async def test_a_range_query_names_its_bounds_to_the_millisecond(server, source_for):
    server.behaviour = lambda connection: connection.reply(
        {"status": "success", "data": {"resultType": "matrix", "result": []}}
    )
    await source_for(f"{server.url}/prefix").query_range("up", start=1.0004, end=2, step=0.5)
    (request,) = server.requests
    assert request.line == "POST /prefix/api/v1/query_range HTTP/1.1"
    assert (request.form["start"], request.form["end"], request.form["step"]) == ("1.000", "2.000", "0.500")


async def test_cookies_of_a_server_are_not_kept(server, source_for):
    server.behaviour = lambda connection: connection.reply(SUCCESS, headers={"Set-Cookie": "session=1; Path=/"})
    source = source_for(server.url)
    await source.query("up", at=1)
    await source.query("up", at=1)
    assert "cookie" not in server.requests[1].headers


async def test_proxies_of_the_environment_are_not_used(server, source_for, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await source_for(server.url).query("up", at=1)).samples
