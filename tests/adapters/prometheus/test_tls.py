import contextlib
import socket
import ssl
import threading

import pytest
import trustme

from backstop.domain.errors import SourceUnreachable
from tests.adapters.prometheus.raw_server import RawServer


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def other_authority():
    return trustme.CA()


def tls_server(authority, *, host="127.0.0.1", clients=None):
    """Return a server with a certificate for `host`; with `clients` it wants a certificate of that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    if clients is not None:
        clients.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return RawServer(context)


@pytest.fixture
def server(authority):
    server = tls_server(authority)
    yield server
    server.close()


@pytest.fixture
def choosy_server(authority, other_authority):
    """A server that wants a client certificate of the other authority."""
    server = tls_server(authority, clients=other_authority)
    yield server
    server.close()


@pytest.fixture
def ca_file(authority, tmp_path):
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return str(file)


def client_certificate(authority, folder, name="client"):
    certificate = authority.issue_cert(f"{name}.example")
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    certificate.cert_chain_pems[0].write_to_path(str(cert_file))
    certificate.private_key_pem.write_to_path(str(key_file))
    return {"certFile": str(cert_file), "keyFile": str(key_file)}


async def test_a_server_of_our_own_authority_is_trusted(server, source_for, ca_file):
    source = source_for(server.url, tls={"caFile": ca_file})
    await source.query("up", at=1)
    await source.query("up", at=1)
    assert len({request.peer for request in server.requests}) == 1  # TLS connections are used again as well


async def test_a_server_of_an_unknown_authority_is_refused_with_the_field_to_set(server, source_for):
    with pytest.raises(SourceUnreachable, match=r"certificate is not trusted .*check tls\.caFile"):
        await source_for(server.url).query("up", at=1)
    assert server.requests == []


async def test_a_server_of_another_authority_is_refused(server, source_for, other_authority, tmp_path):
    other_authority.cert_pem.write_to_path(str(tmp_path / "other.pem"))
    with pytest.raises(SourceUnreachable, match="certificate is not trusted"):
        await source_for(server.url, tls={"caFile": str(tmp_path / "other.pem")}).query("up", at=1)


async def test_a_certificate_for_another_host_is_refused(authority, source_for, ca_file):
    server = tls_server(authority, host="prometheus.example")
    try:
        with pytest.raises(SourceUnreachable, match=r"certificate is not trusted .*127\.0\.0\.1.*host in url"):
            await source_for(server.url, tls={"caFile": ca_file}).query("up", at=1)
    finally:
        server.close()


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
async def test_verification_is_off_only_where_the_configuration_says_so(server, source_for):
    assert (await source_for(server.url, tls={"insecureSkipVerify": True}).query("up", at=1)).samples


async def test_the_environment_cannot_change_whom_we_trust(server, source_for, ca_file, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ca_file)
    with pytest.raises(SourceUnreachable, match="not trusted"):
        await source_for(server.url).query("up", at=1)


async def test_a_client_certificate_is_shown(choosy_server, source_for, ca_file, other_authority, tmp_path):
    tls = {"caFile": ca_file, **client_certificate(other_authority, tmp_path)}
    assert (await source_for(choosy_server.url, tls=tls).query("up", at=1)).samples


async def test_without_a_client_certificate_a_choosy_server_is_unreachable(choosy_server, source_for, ca_file):
    with pytest.raises(SourceUnreachable, match="source default"):
        await source_for(choosy_server.url, tls={"caFile": ca_file}).query("up", at=1)


async def test_rotated_certificates_are_used_by_the_next_connection(
    choosy_server, source_for, ca_file, authority, other_authority, tmp_path
):
    tls = {"caFile": ca_file, **client_certificate(authority, tmp_path)}  # of the wrong authority at first
    source = source_for(choosy_server.url, tls=tls)
    with pytest.raises(SourceUnreachable):
        await source.query("up", at=1)
    client_certificate(other_authority, tmp_path)
    assert (await source.query("up", at=1)).samples


@pytest.mark.parametrize("field", ["caFile", "certFile", "keyFile"])
async def test_a_missing_file_is_named(choosy_server, source_for, ca_file, other_authority, tmp_path, field):
    tls = {"caFile": ca_file, **client_certificate(other_authority, tmp_path), field: str(tmp_path / "missing.pem")}
    with pytest.raises(SourceUnreachable, match=r"missing\.pem"):
        await source_for(choosy_server.url, tls=tls).query("up", at=1)


@pytest.mark.parametrize("field", ["caFile", "certFile"])
async def test_a_file_that_is_no_certificate_is_an_error_of_the_source(
    choosy_server, source_for, ca_file, other_authority, tmp_path, field
):
    (tmp_path / "odd.pem").write_text("no certificate")
    tls = {"caFile": ca_file, **client_certificate(other_authority, tmp_path), field: str(tmp_path / "odd.pem")}
    with pytest.raises(SourceUnreachable, match=r"TLS failed|cannot"):
        await source_for(choosy_server.url, tls=tls).query("up", at=1)


async def test_https_to_a_plain_server_is_told_as_such(source_for):
    def answer_plainly():
        accepted, _ = listener.accept()
        with accepted, contextlib.suppress(ConnectionResetError):  # by us, with the answer half read
            accepted.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            while accepted.recv(4096):
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        plain = threading.Thread(target=answer_plainly)
        plain.start()
        with pytest.raises(SourceUnreachable, match=r"TLS failed .*check the scheme of url"):
            await source_for(f"https://127.0.0.1:{listener.getsockname()[1]}").query("up", at=1)
        plain.join()


async def test_plain_http_to_a_tls_server_is_an_error_of_the_source(server, source_for):
    with pytest.raises(SourceUnreachable, match="source default"):
        await source_for(server.url.replace("https://", "http://")).query("up", at=1)
