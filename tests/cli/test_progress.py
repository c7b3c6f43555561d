"""What is shown of a long command, and where."""

import io

import pytest

from backstop.cli.progress import QUIET_SECONDS, progress
from tests.fakes.clock import LoopClock

pytestmark = pytest.mark.looptime


class Screen(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


async def shown(monkeypatch, seconds, *, terminal=True, quiet=False):
    screen, clock = Screen(terminal=terminal), LoopClock()
    monkeypatch.setattr("sys.stderr", screen)
    async with progress(clock, lambda passed: f"{passed:.1f} s", quiet=quiet):
        await clock.sleep(seconds)
    return screen.getvalue()


async def test_a_long_command_shows_how_far_it_is_and_leaves_an_empty_line(monkeypatch):
    text = await shown(monkeypatch, QUIET_SECONDS + 0.6)
    assert [part for part in text.split("\r\x1b[K") if part] == ["2.0 s", "2.2 s", "2.5 s"]
    assert text.endswith("\r\x1b[K")


@pytest.mark.parametrize(
    ("seconds", "settings"),
    [
        pytest.param(QUIET_SECONDS - 0.1, {}, id="what is over soon"),
        pytest.param(60, {"quiet": True}, id="when quiet"),
        pytest.param(60, {"terminal": False}, id="into a pipe or a file"),
    ],
)
async def test_nothing_is_shown(monkeypatch, seconds, settings):
    assert await shown(monkeypatch, seconds, **settings) == ""
