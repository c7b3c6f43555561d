"""Which error an answer becomes, and what its message tells the person on call."""

import pytest

from backstop.domain.errors import QueryRejected, QueryTimedOut, SourceUnreachable
from tests.prometheus_server import free_port


def error(kind, words="because", **more):
    return {"status": "error", "errorType": kind, "error": words, **more}


@pytest.mark.parametrize(
    ("status", "body", "expected", "words"),
    [
        pytest.param(
            400, error("bad_data", "parse error"), QueryRejected, "refuses the query: parse error", id="bad PromQL"
        ),
        pytest.param(
            422, error("execution", "too many samples"), QueryRejected, "too many samples", id="too expensive"
        ),
        pytest.param(200, error("bad_data"), QueryRejected, "refuses", id="a refusal with 200"),
        pytest.param(413, error("too_large"), QueryRejected, "refuses", id="another refusal of the query"),
        pytest.param(
            503, error("timeout", "query timed out"), QueryTimedOut, "gave the query up", id="a query timeout"
        ),
        pytest.param(503, error("canceled"), QueryTimedOut, "gave the query up", id="a cancelled query"),
        pytest.param(503, error("unavailable"), SourceUnreachable, "HTTP 503", id="starting up"),
        pytest.param(500, error("internal", "disk"), SourceUnreachable, "HTTP 500.*disk", id="an internal error"),
        pytest.param(500, error(["internal"]), SourceUnreachable, "HTTP 500", id="a type of error that is no text"),
        pytest.param(500, b"oops", SourceUnreachable, "fails .HTTP 500", id="500 without an envelope"),
        pytest.param(502, b"<html>Bad Gateway", SourceUnreachable, "fails .HTTP 502", id="a proxy without its server"),
        pytest.param(
            503, b"Service Unavailable", SourceUnreachable, "fails .HTTP 503", id="Prometheus replays its log"
        ),
        pytest.param(
            429, error("too_many_requests"), SourceUnreachable, "lower its concurrency", id="too many requests"
        ),
        pytest.param(401, b"who?", SourceUnreachable, "does not let us in .HTTP 401.*auth", id="no credentials"),
        pytest.param(
            403, error("bad_data"), SourceUnreachable, "does not let us in .HTTP 403.*auth", id="no permission"
        ),
        pytest.param(
            404, b"404 page not found", SourceUnreachable, "does not look like a Prometheus API.*prefix", id="no API"
        ),
        pytest.param(200, b"<!doctype html>", SourceUnreachable, "HTTP 200 with a web page", id="a web page"),
        pytest.param(200, b"", SourceUnreachable, "with an empty body", id="nothing"),
        pytest.param(200, b'{"status":"success","da', SourceUnreachable, "with incomplete JSON", id="half an answer"),
        pytest.param(200, {"status": "success"}, SourceUnreachable, "an envelope without data", id="no data"),
        pytest.param(400, b"Bad Request", SourceUnreachable, "does not look like", id="400 from something else"),
        pytest.param(204, b"", SourceUnreachable, "does not look like", id="no content"),
        pytest.param(418, {"status": "success", "data": {}}, QueryRejected, "refuses", id="success that is none"),
    ],
)
async def test_an_answer_becomes_the_error_that_the_port_promises(server, source_for, status, body, expected, words):
    server.behaviour = lambda connection: connection.reply(body, status=status)
    with pytest.raises((SourceUnreachable, QueryRejected), match=words) as caught:
        await source_for(server.url).query("up", at=1)
    assert type(caught.value) is expected
    assert len(server.requests) == 1  # nothing is retried, not even hidden


async def test_an_empty_result_is_no_error(server, source_for):
    server.behaviour = lambda connection: connection.reply(
        {"status": "success", "data": {"resultType": "vector", "result": []}}
    )
    assert (await source_for(server.url).query("up", at=1)).samples == ()


async def test_warnings_of_a_partial_response_arrive(server, source_for):
    server.behaviour = lambda connection: connection.reply(
        {"status": "success", "data": {"resultType": "vector", "result": []}, "warnings": ["no store matched"]}
    )
    assert (await source_for(server.url).query("up", at=1)).warnings == ("no store matched",)


async def test_a_redirect_is_not_followed_and_its_secrets_are_not_told(server, source_for):
    location = {"Location": "https://me:hunter2@login.example/start?token=hunter2"}
    server.behaviour = lambda connection: connection.reply(b"", status=302, headers=location)
    with pytest.raises(SourceUnreachable, match=r"redirects to https://login\.example/start .HTTP 302") as caught:
        await source_for(server.url).query("up", at=1)
    assert "hunter2" not in str(caught.value)
    assert len(server.requests) == 1


async def test_an_endless_redirect_is_bounded_like_any_answer(server, source_for):
    def redirect(connection):
        connection.send(b"HTTP/1.1 302 Found\r\nLocation: /\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.flood(b"10000\r\n" + b"x" * 65_536 + b"\r\n")

    server.behaviour = redirect
    with pytest.raises(QueryRejected, match="larger than 1 MiB"):
        await source_for(server.url, max_answer_bytes=1024 * 1024).query("up", at=1)


async def test_a_long_error_is_shortened(server, source_for):
    server.behaviour = lambda connection: connection.reply(error("bad_data", "x" * 10_000), status=400)
    with pytest.raises(QueryRejected) as caught:
        await source_for(server.url).query("up", at=1)
    assert len(str(caught.value)) < 700


async def test_a_connection_that_is_cut_in_the_answer_is_told_as_such(server, source_for):
    server.behaviour = lambda connection: (
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
        connection.cut(),
    )
    with pytest.raises(SourceUnreachable, match="broke"):
        await source_for(server.url).query("up", at=1)


async def test_something_that_is_not_http_is_told_as_such(server, source_for):
    server.behaviour = lambda connection: (connection.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), connection.gone(within=5))
    with pytest.raises(SourceUnreachable, match="source default"):
        await source_for(server.url).query("up", at=1)


async def test_a_refused_connection_is_told_as_such(source_for):
    with pytest.raises(SourceUnreachable, match="connection is refused; nothing listens there"):
        await source_for(f"http://127.0.0.1:{free_port()}").query("up", at=1)


async def test_a_host_that_does_not_resolve_is_told_as_such(source_for):
    with pytest.raises(SourceUnreachable, match="host name cannot be resolved"):
        await source_for("http://nowhere.invalid").query("up", at=1)
