"""A build happens exactly when something that goes into the image has changed."""

import shutil
from pathlib import Path

import pytest

from tests.cluster.paths import REPOSITORY
from tests.image.inputs import FILES, fingerprint, image_name


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).write_text(f"content of {name}\n")
    package = tmp_path / "operator" / "backstop"
    package.mkdir(parents=True)
    (package / "vocabulary.py").write_text("GROUP = 'backstop.dev'\n")
    return tmp_path


def test_the_same_inputs_have_the_same_fingerprint(checkout, tmp_path_factory):
    copy = tmp_path_factory.mktemp("other") / "checkout"
    shutil.copytree(checkout, copy)
    assert fingerprint(copy) == fingerprint(checkout)


@pytest.mark.parametrize("name", [*FILES, "operator/backstop/vocabulary.py"])
def test_a_change_of_any_input_changes_the_fingerprint(checkout, name):
    before = fingerprint(checkout)
    (checkout / name).write_text("changed\n")
    assert fingerprint(checkout) != before


def test_a_new_and_a_renamed_source_file_change_the_fingerprint(checkout):
    before = fingerprint(checkout)
    new = checkout / "operator" / "backstop" / "new.py"
    new.touch()
    added = fingerprint(checkout)
    new.rename(new.with_name("renamed.py"))
    assert len({before, added, fingerprint(checkout)}) == 3


def test_byte_code_and_files_outside_the_image_do_not_change_the_fingerprint(checkout):
    before = fingerprint(checkout)
    cache = checkout / "operator" / "backstop" / "__pycache__"
    cache.mkdir()
    (cache / "vocabulary.cpython-311.pyc").write_bytes(b"\0")
    (checkout / "docs.md").write_text("words\n")
    assert fingerprint(checkout) == before


def test_a_missing_input_is_an_error_and_not_a_smaller_image(checkout):
    (checkout / "requirements-runtime.lock").unlink()
    with pytest.raises(FileNotFoundError, match=r"requirements-runtime\.lock"):
        fingerprint(checkout)


def test_everything_that_the_dockerfile_copies_is_an_input():
    copied = [
        word
        for line in (REPOSITORY / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from=" not in line
        for word in line.split()[1:-1]
    ]
    assert copied
    assert set(copied) <= {*FILES, "operator"}


def test_the_builder_gets_what_the_dockerfile_copies_and_no_more():
    allowed = {
        line.removeprefix("!")
        for line in (REPOSITORY / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert allowed == {*FILES, "operator"} - {"Dockerfile", ".dockerignore"}


def test_the_tag_is_the_version_of_the_project_and_the_chart():
    chart = (REPOSITORY / "charts" / "backstop" / "Chart.yaml").read_text()
    version = image_name(REPOSITORY).removeprefix("localhost/backstop:")
    assert f"\nappVersion: {version}\n" in chart
