"""OCI archives: what is inside, and that the same input gives the same image."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.oci import ImageFile, write_archive


def read_blobs(archive: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Return index.json, and all blobs by digest."""
    with tarfile.open(archive) as tar:
        content = {member.name: tar.extractfile(member).read() for member in tar if member.isfile()}  # type: ignore[union-attr]
    blobs = {f"sha256:{name.rpartition('/')[2]}": data for name, data in content.items() if name.startswith("blobs/")}
    return json.loads(content["index.json"]), blobs


def unpack(archive: Path) -> tuple[dict[str, Any], dict[str, Any], list[tarfile.TarInfo]]:
    """Return the index's entry, the image's configuration, and the layer's members."""
    index, blobs = read_blobs(archive)
    entry = index["manifests"][0]
    manifest = json.loads(blobs[entry["digest"]])
    layer = blobs[manifest["layers"][0]["digest"]]
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        members = tar.getmembers()
    return entry, json.loads(blobs[manifest["config"]["digest"]]), members


def test_an_image_of_one_program_carries_name_configuration_and_folders(tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    digest = write_archive(
        archive,
        name="localhost/prometheus:3.15.0",
        files=[ImageFile("/usr/bin/prometheus", b"program"), ImageFile("/etc/prometheus.yml", b"{}", 0o644)],
        entrypoint=["/usr/bin/prometheus"],
        command=["--help"],
        user="65534",
        env={"B": "2", "A": "1"},
        labels={"made": "here"},
    )
    entry, image, members = unpack(archive)
    assert entry["digest"] == digest
    assert entry["annotations"]["io.containerd.image.name"] == "localhost/prometheus:3.15.0"
    assert image["config"]["Entrypoint"] == ["/usr/bin/prometheus"]
    assert image["config"]["Cmd"] == ["--help"]
    assert image["config"]["User"] == "65534"
    assert image["config"]["Env"][1:] == ["A=1", "B=2"]
    assert image["config"]["Labels"] == {"made": "here"}
    assert [(member.name, member.mode, member.isdir()) for member in members] == [
        ("usr", 0o755, True),
        ("usr/bin", 0o755, True),
        ("usr/bin/prometheus", 0o755, False),
        ("etc", 0o755, True),
        ("etc/prometheus.yml", 0o644, False),
    ]


def test_every_blob_has_the_digest_and_size_that_name_it(tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    write_archive(archive, name="localhost/a:1", files=[ImageFile("/a", b"a" * 100_000)])
    index, blobs = read_blobs(archive)
    assert all(digest == f"sha256:{hashlib.sha256(data).hexdigest()}" for digest, data in blobs.items())
    manifest = json.loads(blobs[index["manifests"][0]["digest"]])
    described = [index["manifests"][0], manifest["config"], *manifest["layers"]]
    assert [item["size"] for item in described] == [len(blobs[item["digest"]]) for item in described]


def test_a_root_folder_keeps_links_and_modes_and_files_are_laid_over_it(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/tool").write_text("tool")
    (root / "usr/bin/tool").chmod(0o700)
    (root / "bin").symlink_to("usr/bin")
    write_archive(
        tmp_path / "image.tar", name="localhost/a:1", root=root, files=[ImageFile("/usr/bin/extra", b"extra")]
    )
    _entry, _image, members = unpack(tmp_path / "image.tar")
    by_name = {member.name: member for member in members}
    assert by_name["bin"].issym()
    assert by_name["bin"].linkname == "usr/bin"
    assert by_name["usr/bin/tool"].mode == 0o700
    assert [member.name for member in members].count("usr/bin") == 1
    assert "usr/bin/extra" in by_name


def test_the_same_input_gives_the_same_digest_whenever_and_wherever(tmp_path: Path) -> None:
    digests = []
    for place in ("one", "two"):
        root = tmp_path / place / "root"
        (root / "b").mkdir(parents=True)
        (root / "b/file").write_text("text")
        (root / "a").write_text("text")
        digests.append(write_archive(tmp_path / place / "image.tar", name="localhost/a:1", root=root))
    assert digests[0] == digests[1]


@pytest.mark.parametrize("name", ["localhost/a", "localhost:5000/a", ":1", ""])
def test_a_name_without_a_tag_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="has no tag"):
        write_archive(tmp_path / "image.tar", name=name, files=[ImageFile("/a", b"")])


def test_an_empty_image_and_a_relative_path_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="neither a root folder nor files"):
        write_archive(tmp_path / "image.tar", name="localhost/a:1")
    with pytest.raises(ValueError, match="must be absolute"):
        write_archive(tmp_path / "image.tar", name="localhost/a:1", files=[ImageFile("a", b"")])
    assert list(tmp_path.iterdir()) == []
