"""Where programs come from: the cache, a verified download, or a build; against a server like the release pages."""

import hashlib
import io
import socket
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from tests.cluster import catalogue
from tests.cluster.binaries import BinaryStore, link_programs
from tests.cluster.catalogue import Component, Download
from tests.cluster.download import Downloader, expected_digest
from tests.cluster.errors import ClusterError
from tests.cluster.progress import Progress

ARCH = catalogue.architecture()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def a_tarball(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def serve(server: HTTPServer, path: str, content: bytes) -> None:
    server.expect_request(path).respond_with_data(content, content_type="application/octet-stream")


def serve_kubernetes(server: HTTPServer, version: str, *, wrong: str = "") -> None:
    for program in catalogue.kubernetes(version).programs:
        base = f"/dl.k8s.io/release/v{version}/bin/linux/{ARCH}/{program}"
        serve(server, base, f"released {program}".encode())
        published = sha256(b"something else" if program == wrong else f"released {program}".encode())
        serve(server, f"{base}.sha256", published.encode())


class FakeBuilder:
    """Builds by writing the program's name; remembers what it was asked for."""

    def __init__(self) -> None:
        self.built: list[str] = []

    def __call__(self, component: Component, into: Path, note: Callable[[str], None]) -> None:
        self.built.append(component.name)
        for program in component.programs:
            (into / program).write_text(f"built {program}")


@pytest.fixture
def builder() -> FakeBuilder:
    return FakeBuilder()


def a_store(root: Path, builder: FakeBuilder, base: str) -> BinaryStore:
    return BinaryStore(root, downloader=Downloader(base), builder=builder, sources=("download", "build"))


def base_of(server: HTTPServer) -> str:
    return str(server.url_for("")).rstrip("/")


def test_kubernetes_is_downloaded_program_by_program(
    tmp_path: Path, httpserver: HTTPServer, builder: FakeBuilder
) -> None:
    component = catalogue.kubernetes("1.34.4")
    serve_kubernetes(httpserver, "1.34.4")
    folder = a_store(tmp_path, builder, base_of(httpserver)).ensure(component, Progress())
    assert {file.name: file.read_text() for file in folder.iterdir()} == {
        program: f"released {program}" for program in component.programs
    }
    assert all(file.stat().st_mode & 0o111 for file in folder.iterdir())
    assert builder.built == []


@pytest.mark.parametrize(
    ("component", "archive", "checksums", "members"),
    [
        pytest.param(
            catalogue.prometheus("3.15.0"),
            f"/github.com/prometheus/prometheus/releases/download/v3.15.0/prometheus-3.15.0.linux-{ARCH}.tar.gz",
            "/github.com/prometheus/prometheus/releases/download/v3.15.0/sha256sums.txt",
            (f"prometheus-3.15.0.linux-{ARCH}/prometheus", f"prometheus-3.15.0.linux-{ARCH}/promtool"),
            id="prometheus lists all its files in one checksum file",
        ),
        pytest.param(
            catalogue.etcd("3.6.16"),
            f"/github.com/etcd-io/etcd/releases/download/v3.6.16/etcd-v3.6.16-linux-{ARCH}.tar.gz",
            "/github.com/etcd-io/etcd/releases/download/v3.6.16/SHA256SUMS",
            (f"etcd-v3.6.16-linux-{ARCH}/etcd",),
            id="etcd does so under another name",
        ),
        pytest.param(
            catalogue.coredns("1.12.4"),
            f"/github.com/coredns/coredns/releases/download/v1.12.4/coredns_1.12.4_linux_{ARCH}.tgz",
            f"/github.com/coredns/coredns/releases/download/v1.12.4/coredns_1.12.4_linux_{ARCH}.tgz.sha256",
            ("coredns",),
            id="coredns has a checksum file beside its archive",
        ),
    ],
)
def test_an_archive_is_verified_and_only_its_programs_are_kept(  # noqa: PLR0917
    component: Component,
    archive: str,
    checksums: str,
    members: tuple[str, ...],
    tmp_path: Path,
    httpserver: HTTPServer,
    builder: FakeBuilder,
) -> None:
    content = a_tarball({**{member: member.encode() for member in members}, "LICENSE": b"text", "../escape": b"evil"})
    serve(httpserver, archive, content)
    name = archive.rpartition("/")[2]
    serve(httpserver, checksums, f"{sha256(b'other')}  other.tar.gz\n{sha256(content)}  {name}\n".encode())
    folder = a_store(tmp_path, builder, base_of(httpserver)).ensure(component, Progress())
    assert {file.name for file in folder.iterdir()} == set(component.programs)
    assert builder.built == []


def test_a_wrong_checksum_is_reported_the_file_discarded_and_the_next_source_used(
    tmp_path: Path, httpserver: HTTPServer, builder: FakeBuilder, capsys: pytest.CaptureFixture[str]
) -> None:
    component = catalogue.kubernetes("1.34.4")
    serve_kubernetes(httpserver, "1.34.4", wrong="kubelet")
    folder = a_store(tmp_path, builder, base_of(httpserver)).ensure(component, Progress())
    assert builder.built == ["kubernetes"]
    assert {file.read_text() for file in folder.iterdir()} == {f"built {program}" for program in component.programs}
    assert "kubelet: checksum mismatch, the download was discarded" in capsys.readouterr().err


def test_a_wrong_checksum_with_no_other_source_fails_and_leaves_no_file(
    tmp_path: Path, httpserver: HTTPServer, builder: FakeBuilder
) -> None:
    serve_kubernetes(httpserver, "1.34.4", wrong="kube-apiserver")
    store = BinaryStore(tmp_path, downloader=Downloader(base_of(httpserver)), builder=builder, sources=("download",))
    with pytest.raises(ClusterError, match="checksum mismatch"):
        store.ensure(catalogue.kubernetes("1.34.4"), Progress())
    assert [entry.name for entry in tmp_path.iterdir()] == [".lock"]


def test_a_page_that_is_not_there_falls_to_the_build(
    tmp_path: Path, httpserver: HTTPServer, builder: FakeBuilder, capsys: pytest.CaptureFixture[str]
) -> None:
    httpserver.expect_request("/dl.k8s.io/").respond_with_data("", status=404)
    httpserver.no_handler_status_code = 404
    a_store(tmp_path, builder, base_of(httpserver)).ensure(catalogue.etcd(), Progress())
    assert builder.built == ["etcd"]
    assert "answered 404" in capsys.readouterr().err


def test_a_host_that_cannot_be_reached_is_given_up_within_seconds_and_asked_once(
    tmp_path: Path, builder: FakeBuilder
) -> None:
    with socket.socket() as closed:  # a port that nobody listens on, kept from others while the test runs
        closed.bind(("127.0.0.1", 0))
        store = a_store(tmp_path, builder, f"http://127.0.0.1:{closed.getsockname()[1]}")
        start = time.monotonic()
        for component in catalogue.required():
            store.ensure(component, Progress())
    assert time.monotonic() - start < 5.0
    assert builder.built == [component.name for component in catalogue.required()]


def test_what_is_in_the_cache_is_neither_downloaded_nor_built_again(tmp_path: Path, builder: FakeBuilder) -> None:
    store = BinaryStore(tmp_path, builder=builder, sources=("build",))
    first = store.ensure(catalogue.etcd(), Progress())
    assert store.ensure(catalogue.etcd(), Progress()) == first
    assert builder.built == ["etcd"]


def test_a_cached_folder_that_lacks_a_program_is_filled_again(tmp_path: Path, builder: FakeBuilder) -> None:
    store = BinaryStore(tmp_path, builder=builder, sources=("build",))
    folder = store.ensure(catalogue.prometheus(), Progress())
    (folder / "promtool").unlink()
    store.ensure(catalogue.prometheus(), Progress())
    assert (folder / "promtool").read_text() == "built promtool"


def test_a_component_without_published_checksums_is_never_downloaded(tmp_path: Path, builder: FakeBuilder) -> None:
    store = BinaryStore(tmp_path, downloader=Downloader("http://127.0.0.1:1"), builder=builder, sources=("download",))
    with pytest.raises(ClusterError, match="no release download with a checksum"):
        store.ensure(catalogue.kwok(), Progress())


def test_the_cache_key_follows_version_and_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "BUILD_MODULES", tmp_path)
    module = tmp_path / "etcd"
    module.mkdir()
    (module / "go.sum").write_text("one")
    first = catalogue.etcd("3.6.16").cache_key()
    assert catalogue.etcd("3.6.17").cache_key() != first
    (module / "go.sum").write_text("two")
    assert catalogue.etcd("3.6.16").cache_key() != first


@pytest.mark.parametrize(
    "component",
    [*catalogue.required(), *catalogue.optional().values(), catalogue.history_writer()],
    ids=lambda c: c.name,
)
def test_every_component_has_a_module_that_requires_exactly_its_version(component: Component) -> None:
    required = (component.module / "go.mod").read_text()
    # Prometheus 3.15.0 is the Go module v0.315.0.
    major, minor, patch = component.version.split(".")
    module_version = f"v0.{major}{int(minor):02}.{patch}" if component.name == "prometheus" else f"v{component.version}"
    assert f" {module_version}" in required


DIGEST = "a" * 64


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        pytest.param(f"{DIGEST}\n", DIGEST, id="the digest alone"),
        pytest.param(f"{DIGEST}  file.tgz", DIGEST, id="digest and name"),
        pytest.param(f"{DIGEST.upper()} *file.tgz", DIGEST, id="binary mark and upper case"),
        pytest.param(f"{'b' * 64}  other\n{DIGEST}  release/file.tgz", DIGEST, id="among others, in a folder"),
        pytest.param(f"{DIGEST}  other.tgz", None, id="only of another file"),
        pytest.param("<html>not found</html>", None, id="an error page"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_the_digest_in_a_checksum_file(published: str, expected: str | None) -> None:
    assert expected_digest(published, "file.tgz") == expected


def test_links_follow_a_new_version(tmp_path: Path, builder: FakeBuilder) -> None:
    store = BinaryStore(tmp_path / "cache", builder=builder, sources=("build",))
    for version in ("3.6.15", "3.6.16"):
        store.ensure(catalogue.etcd(version), Progress())
        link_programs(store, [catalogue.etcd(version)], tmp_path / "bin")
    assert (tmp_path / "bin" / "etcd").resolve().parent == store.path(catalogue.etcd("3.6.16"))
    assert (tmp_path / "bin" / "helm").exists()


def test_a_download_object_names_a_program_or_members() -> None:
    downloads: list[Download] = [d for c in catalogue.required() for d in c.downloads]
    assert all(bool(download.program) != bool(download.members) for download in downloads)
