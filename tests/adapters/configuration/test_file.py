import os

import pytest

from backstop.adapters.configuration.file import ConfigurationFile
from backstop.api.configuration import ConfigurationError
from backstop.ports.clock import Clock

GOOD = "sources: [{name: default, url: http://a}]"
OTHER = "sources: [{name: default, url: http://b}]"
BAD = "sources: [{name: default}]"


class ScriptedClock:
    """Runs one step of a script at each sleep, and records how long each was asked to be."""

    def __init__(self, *steps):
        self.steps = list(steps)
        self.slept = []

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.steps.pop(0)()


class EndOfScriptError(Exception):
    pass


def end_of_script():
    raise EndOfScriptError


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(GOOD)
    return file


def a_file(path, clock: Clock | None = None) -> ConfigurationFile:
    return ConfigurationFile(path, clock=clock or ScriptedClock(), poll_seconds=7)


def test_a_good_file_is_in_force_from_the_start(path):
    file = a_file(path)
    assert file.current.sources[0].url == "http://a"
    assert file.problem is None


@pytest.mark.parametrize("content", [BAD.encode(), b"\xff\xfe"])
def test_a_first_file_that_is_bad_is_an_error(path, content):
    path.write_bytes(content)
    with pytest.raises(ConfigurationError):
        a_file(path)


def test_a_first_file_that_is_missing_is_an_error_with_its_path(path):
    path.unlink()
    with pytest.raises(ConfigurationError, match=r"config\.yaml cannot be read: No such file"):
        a_file(path)


def test_an_unchanged_file_is_no_change(path):
    file = a_file(path)
    before = file.current
    os.utime(path, (0, 0))
    assert not file.refresh()
    assert file.current is before


def test_another_content_is_put_in_force(path):
    file = a_file(path)
    path.write_text(OTHER)
    assert file.refresh()
    assert file.current.sources[0].url == "http://b"


def test_a_comment_alone_is_no_change(path):
    file = a_file(path)
    path.write_text(GOOD + "\n# a comment")
    assert not file.refresh()


@pytest.mark.parametrize("content", [BAD.encode(), b"\xff\xfe", b"", None])
def test_a_bad_file_keeps_the_last_good_one_and_says_so_once(path, content):
    file = a_file(path)
    path.unlink() if content is None else path.write_bytes(content)
    assert file.refresh()
    assert file.current.sources[0].url == "http://a"
    assert file.problem is not None
    assert not file.refresh()


def test_a_file_that_is_good_again_clears_the_problem(path):
    file = a_file(path)
    path.write_text(BAD)
    file.refresh()
    path.write_text(GOOD)
    assert file.refresh()
    assert file.problem is None


def test_a_configmap_that_is_swapped_by_its_symbolic_link_is_seen(tmp_path):
    for name, content in (("one", GOOD), ("two", OTHER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(content)
    (tmp_path / "..data").symlink_to("one")
    (tmp_path / "config.yaml").symlink_to("..data/config.yaml")
    file = a_file(tmp_path / "config.yaml")
    (tmp_path / "..new").symlink_to("two")
    (tmp_path / "..new").rename(tmp_path / "..data")
    assert file.refresh()
    assert file.current.sources[0].url == "http://b"


async def test_changes_tells_of_each_change_and_of_nothing_else(path):
    clock = ScriptedClock(
        lambda: None,
        lambda: path.write_text(OTHER),
        lambda: path.write_text(BAD),
        lambda: None,
        lambda: path.write_text(GOOD),
        end_of_script,
    )
    seen = []

    async def record():
        async for file in a_file(path, clock).changes():
            seen.append((file.current.sources[0].url, file.problem is None))  # noqa: PERF401  what came before the end counts

    with pytest.raises(EndOfScriptError):
        await record()
    assert seen == [("http://b", True), ("http://b", False), ("http://a", True)]
    assert clock.slept == [7] * 6
