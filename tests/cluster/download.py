"""Release downloads with verified checksums.

A file is used only after its SHA-256 matched the one that the project publishes beside it. The decision that a host
cannot be reached is taken once and within seconds, so that a machine without it loses no time before it builds.
`BACKSTOP_DOWNLOAD_BASE` replaces `https://HOST/` by `BASE/HOST/`: a mirror, or the local server of the tests.
"""

import hashlib
import os
import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import requests

from tests.cluster.catalogue import Component, Download
from tests.cluster.errors import DownloadFailed

CONNECT_TIMEOUT_SECONDS = 3.0
READ_TIMEOUT_SECONDS = 30.0
CHUNK_BYTES = 1 << 20
SHA256 = re.compile(r"^[0-9a-fA-F]{64}$")

Note = Callable[[str], None]


class Downloader:
    """Fetches components; remembers hosts that did not answer, so that each is tried once."""

    def __init__(self, base: str | None = None) -> None:
        self._base = base if base is not None else os.environ.get("BACKSTOP_DOWNLOAD_BASE", "")
        self._unreachable: dict[str, str] = {}
        self._session = requests.Session()

    def close(self) -> None:
        self._session.close()

    def fetch(self, component: Component, into: Path, note: Note) -> None:
        """Put the component's programs into the folder `into`. Raises DownloadFailed; what came so far is worthless."""
        if not component.downloads:
            raise DownloadFailed(f"{component.name} {component.version} has no release download with a checksum")
        for download in component.downloads:
            self._fetch_one(download, into, note)

    def _fetch_one(self, download: Download, into: Path, note: Note) -> None:
        name = download.url.rsplit("/", 1)[-1]
        expected = expected_digest(self._text(download.checksum_url), name)
        if expected is None:
            raise DownloadFailed(f"{download.checksum_url} holds no SHA-256 for {name}")
        partial = into / f".{name}.partial"
        try:
            actual = self._save(download.url, partial, lambda done: note(f"downloading {name}, {done >> 20} MiB"))
            if actual != expected:
                raise DownloadFailed(
                    f"{download.url}: checksum mismatch, the download was discarded: got {actual}, published {expected}"
                )
            if download.members is None:
                _install(partial, into / download.program)
            else:
                _extract(partial, download.members, into)
        finally:
            partial.unlink(missing_ok=True)

    def _get(self, url: str) -> requests.Response:
        actual = self._resolve(url)
        host = urlsplit(actual).netloc
        if host in self._unreachable:
            raise DownloadFailed(f"{host} cannot be reached: {self._unreachable[host]}")
        try:
            response = self._session.get(actual, stream=True, timeout=(CONNECT_TIMEOUT_SECONDS, READ_TIMEOUT_SECONDS))
        except requests.RequestException as exc:
            self._unreachable[host] = type(exc).__name__
            raise DownloadFailed(f"{host} cannot be reached: {type(exc).__name__}") from exc
        if response.status_code != requests.codes.ok:
            response.close()
            raise DownloadFailed(f"{actual} answered {response.status_code}")
        return response

    def _text(self, url: str) -> str:
        with self._get(url) as response:
            return response.text

    def _save(self, url: str, path: Path, on_bytes: Callable[[int], None]) -> str:
        digest = hashlib.sha256()
        done = 0
        with self._get(url) as response, path.open("wb") as file:
            try:
                for chunk in response.iter_content(CHUNK_BYTES):
                    file.write(chunk)
                    digest.update(chunk)
                    done += len(chunk)
                    on_bytes(done)
            except requests.RequestException as exc:
                raise DownloadFailed(f"{url} broke off after {done} bytes: {exc}") from exc
        return digest.hexdigest()

    def _resolve(self, url: str) -> str:
        if not self._base:
            return url
        parts = urlsplit(url)
        return f"{self._base.rstrip('/')}/{parts.netloc}{parts.path}"


def expected_digest(published: str, file_name: str) -> str | None:
    """Return the digest that a checksum file gives for `file_name`; None when it gives none.

    Understands the bare digest (dl.k8s.io) and lines of "digest  name" or "digest *name" (GitHub releases).
    """
    for line in published.splitlines():
        words = line.split()
        if not words or not SHA256.match(words[0]):
            continue
        if len(words) == 1 or words[1].removeprefix("*").rsplit("/", 1)[-1] == file_name:
            return words[0].lower()
    return None


def _install(source: Path, target: Path) -> None:
    source.chmod(0o755)
    source.rename(target)


def _extract(archive: Path, members: dict[str, str], into: Path) -> None:
    """Copy just the named members: nothing else of an archive ever reaches the disk."""
    with tarfile.open(archive, "r:gz") as tar:
        for program, member in members.items():
            try:
                content = tar.extractfile(member)
            except KeyError as exc:
                raise DownloadFailed(f"{archive.name}: holds no {member}") from exc
            if content is None:
                raise DownloadFailed(f"{archive.name}: {member} is no file")
            target = into / program
            with content, target.open("wb") as out:
                while chunk := content.read(CHUNK_BYTES):
                    out.write(chunk)
            target.chmod(0o755)
