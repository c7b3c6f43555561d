"""Who we say we are: from files, read for every query, and never told to anyone else."""

import logging
from base64 import b64decode

import pytest

from backstop.domain.errors import SourceUnreachable

SECRET = "hunter2"


@pytest.fixture
def secret_file(tmp_path):
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    return file


async def headers_of(server, source):
    await source.query("up", at=1)
    return server.requests[-1].headers


async def test_without_auth_nothing_is_sent(server, source_for):
    assert "authorization" not in await headers_of(server, source_for(server.url))


async def test_a_bearer_token_is_read_again_when_it_is_rotated(server, source_for, secret_file):
    source = source_for(server.url, auth={"bearerTokenFile": str(secret_file)})
    assert (await headers_of(server, source))["authorization"] == f"Bearer {SECRET}"
    secret_file.write_text("rotated")
    assert (await headers_of(server, source))["authorization"] == "Bearer rotated"


async def test_a_projected_token_that_is_swapped_by_its_symbolic_link_is_read_again(server, source_for, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    (tmp_path / "token").symlink_to("one")
    source = source_for(server.url, auth={"bearerTokenFile": str(tmp_path / "token")})
    assert (await headers_of(server, source))["authorization"] == "Bearer one"
    (tmp_path / "new").symlink_to("two")
    (tmp_path / "new").rename(tmp_path / "token")
    assert (await headers_of(server, source))["authorization"] == "Bearer two"


async def test_basic_authentication_takes_any_characters(server, source_for, secret_file):
    secret_file.write_text("pä:ss wörd\n")
    source = source_for(server.url, auth={"basic": {"username": "müller", "passwordFile": str(secret_file)}})
    scheme, _, pair = (await headers_of(server, source))["authorization"].partition(" ")
    assert scheme == "Basic"
    assert b64decode(pair).decode() == "müller:pä:ss wörd"


async def test_headers_come_from_the_configuration_and_from_files(server, source_for, secret_file):
    source = source_for(server.url, headers={"X-Scope-OrgID": "team-a"}, headerFiles={"X-Api-Key": str(secret_file)})
    headers = await headers_of(server, source)
    assert (headers["x-scope-orgid"], headers["x-api-key"]) == ("team-a", SECRET)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty or holds more than one line"),
        (b" \n", "is empty or holds more than one line"),
        (b"hunter2\r\nX-Admin: yes", "is empty or holds more than one line"),
        ("hunter2ä".encode(), "printable ASCII"),
        (b"hunter2\xff", "is not text"),
        (b"h" * 70_000, "is larger than 65536 bytes"),
        (None, "cannot be read: No such file or directory"),
    ],
)
@pytest.mark.parametrize(
    "fields", [lambda file: {"auth": {"bearerTokenFile": file}}, lambda file: {"headerFiles": {"X-Api-Key": file}}]
)
async def test_an_unusable_secret_is_an_error_that_names_the_file_and_not_the_secret(
    server, source_for, secret_file, content, words, fields
):
    secret_file.unlink() if content is None else secret_file.write_bytes(content)
    with pytest.raises(SourceUnreachable, match=words) as caught:
        await source_for(server.url, **fields(str(secret_file))).query("up", at=1)
    assert str(secret_file) in str(caught.value)
    assert_secret_is_not_in_chain(caught.value)
    assert server.requests == []


@pytest.mark.parametrize("status", [200, 400, 401, 404, 500, 302])
async def test_no_secret_reaches_a_message_or_a_log(server, source_for, secret_file, caplog, status):
    caplog.set_level(logging.DEBUG)
    server.behaviour = lambda connection: connection.reply(b"<html>", status=status)
    source = source_for(
        server.url, auth={"bearerTokenFile": str(secret_file)}, headerFiles={"X-Api-Key": str(secret_file)}
    )
    with pytest.raises(SourceUnreachable) as caught:
        await source.query("up", at=1)
    assert server.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    assert_secret_is_not_in_chain(caught.value)
    assert SECRET not in caplog.text


def assert_secret_is_not_in_chain(error):
    while error is not None:
        assert SECRET not in repr(error) + str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
