"""Writing an OCI image archive without any container tool: for a static program, or a whole root file system.

The result is deterministic: the same input gives the same digest. Loaded by `make cluster-load`, and readable by every
tool that knows the OCI image layout.
"""

import hashlib
import io
import json
import platform
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OCI_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}
BLOB_DIRECTORY = "blobs/sha256"
CHUNK_BYTES = 1 << 20
MEDIA = "application/vnd.oci.image"


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One file of an image: its absolute path in it, its content (a file here, or bytes), and its mode."""

    path: str
    content: Path | bytes
    mode: int = 0o755


@dataclass(frozen=True, slots=True)
class Blob:
    """What was stored, as OCI descriptors name it."""

    digest: str  # sha256:…
    size: int  # bytes


def write_archive(
    target: Path,
    *,
    name: str,
    root: Path | None = None,
    files: Sequence[ImageFile] = (),
    entrypoint: Sequence[str] = (),
    command: Sequence[str] = (),
    user: str = "",
    env: Mapping[str, str] | None = None,
    working_directory: str = "/",
    labels: Mapping[str, str] | None = None,
) -> str:
    """Write an OCI archive with one layer to `target` and return the image's digest (sha256:…).

    `name` is the full reference with its tag, as pods name it: `localhost/prometheus:3.15.0`. The layer holds the tree
    below `root`, with its owners and modes, and then `files`, owned by root. Folders of `files` are made as needed.
    Raises ValueError when `name` has no tag, a file's path is not absolute, or there is nothing to put in.
    """
    repository, colon, tag = name.rpartition(":")
    if not colon or not repository or "/" in tag:
        raise ValueError(f"image name {name!r} has no tag; write it as localhost/name:tag")
    if root is None and not files:
        raise ValueError(f"image {name}: neither a root folder nor files were given")
    config: dict[str, Any] = {
        "Env": [DEFAULT_PATH, *(f"{key}={value}" for key, value in sorted((env or {}).items()))],
        "WorkingDir": working_directory,
        "Entrypoint": list(entrypoint),
        "Cmd": list(command),
        "User": user,
        "Labels": dict(sorted((labels or {}).items())),
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=target.parent) as layer:
        layer_blob = _write_layer(layer, root, files)
        image = _json(
            {
                "architecture": OCI_ARCHITECTURE.get(platform.machine(), platform.machine()),
                "os": "linux",
                "config": {key: value for key, value in config.items() if value},
                "rootfs": {"type": "layers", "diff_ids": [layer_blob.digest]},
            }
        )
        manifest = _json(
            {
                "schemaVersion": 2,
                "mediaType": f"{MEDIA}.manifest.v1+json",
                "config": _descriptor(f"{MEDIA}.config.v1+json", _blob(image)),
                "layers": [_descriptor(f"{MEDIA}.layer.v1.tar", layer_blob)],
            }
        )
        entry = _descriptor(f"{MEDIA}.manifest.v1+json", _blob(manifest))
        entry["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": tag}
        partial = target.with_name(target.name + ".partial")
        with tarfile.open(partial, "w") as archive:
            _add_bytes(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
            _add_bytes(archive, "index.json", _json({"schemaVersion": 2, "manifests": [entry]}))
            for content in (image, manifest):
                _add_bytes(archive, _blob_path(_blob(content)), content)
            layer.seek(0)
            archive.addfile(_member(_blob_path(layer_blob), layer_blob.size, 0o644), layer)
        partial.replace(target)
    return str(entry["digest"])


def _write_layer(out: IO[bytes], root: Path | None, files: Sequence[ImageFile]) -> Blob:
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        if root is not None:
            _add_tree(tar, root)
        made = {PurePosixPath("/")}
        for file in files:
            path = PurePosixPath(file.path)
            if not path.is_absolute():
                raise ValueError(f"image file {file.path!r}: the path must be absolute")
            for parent in reversed(path.parents):
                if parent not in made and (root is None or not (root / str(parent).lstrip("/")).is_dir()):
                    folder = _member(str(parent).lstrip("/"), 0, 0o755)
                    folder.type = tarfile.DIRTYPE
                    tar.addfile(folder)
                made.add(parent)
            _add_file(tar, str(path).lstrip("/"), file)
    size = out.tell()
    out.seek(0)
    digest = hashlib.sha256()
    while chunk := out.read(CHUNK_BYTES):
        digest.update(chunk)
    return Blob(f"sha256:{digest.hexdigest()}", size)


def _add_tree(tar: tarfile.TarFile, root: Path) -> None:
    """Add everything below `root` in a fixed order, with numeric owners and no times."""
    for path in sorted(root.rglob("*")):
        if path.is_socket():
            continue  # an archive cannot hold one
        member = tar.gettarinfo(path, arcname=str(path.relative_to(root)))
        member.uname = member.gname = ""
        member.mtime = 0
        if member.isreg():
            with path.open("rb") as content:
                tar.addfile(member, content)
        else:
            tar.addfile(member)


def _add_file(tar: tarfile.TarFile, name: str, file: ImageFile) -> None:
    if isinstance(file.content, bytes):
        tar.addfile(_member(name, len(file.content), file.mode), io.BytesIO(file.content))
        return
    with file.content.open("rb") as content:
        tar.addfile(_member(name, file.content.stat().st_size, file.mode), content)


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    tar.addfile(_member(name, len(content), 0o644), io.BytesIO(content))


def _member(name: str, size: int, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, mode, 0
    return member


def _blob(content: bytes) -> Blob:
    return Blob(f"sha256:{hashlib.sha256(content).hexdigest()}", len(content))


def _blob_path(blob: Blob) -> str:
    return f"{BLOB_DIRECTORY}/{blob.digest.removeprefix('sha256:')}"


def _descriptor(media_type: str, blob: Blob) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": blob.digest, "size": blob.size}


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
