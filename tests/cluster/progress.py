"""Progress for people: one line per step with its time; alive on a terminal, plain when piped."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

TTY_REFRESH_SECONDS = 0.2
PLAIN_REFRESH_SECONDS = 30.0  # a log of a long build shows life twice a minute, without drowning the rest


class Step:
    """One step in progress. `note` tells what it is at; the last note stays on its line."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = ""
        self.started = time.monotonic()

    def note(self, text: str) -> None:
        self.text = text

    def line(self, mark: str) -> str:
        detail = f"  {self.text}" if self.text else ""
        return f"{mark} {time.monotonic() - self.started:6.1f}s  {self.name}{detail}"


class Progress:
    """Prints steps to `out`; `quiet` keeps all but failures to itself (for tests that start a cluster)."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._tty = self._out.isatty()
        self._started = time.monotonic()

    def say(self, text: str) -> None:
        print(text, file=self._out, flush=True)

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Show `name` while the block runs, then how it ended and after how long."""
        step = Step(name)
        done = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(step, done), name="progress", daemon=True)
        ticker.start()
        mark = "✗"
        try:
            yield step
            mark = "✓"
        finally:
            done.set()
            ticker.join()
            self._finish(step.line(mark))

    def total(self, text: str) -> None:
        self.say(f"{text} ({time.monotonic() - self._started:.1f} s)")

    def _tick(self, step: Step, done: threading.Event) -> None:
        interval = TTY_REFRESH_SECONDS if self._tty else PLAIN_REFRESH_SECONDS
        while not done.wait(interval):
            line = step.line("…")
            if self._tty:
                print(f"\r\x1b[2K{line[:118]}", end="", file=self._out, flush=True)
            else:
                self.say(line)

    def _finish(self, line: str) -> None:
        if self._tty:
            print("\r\x1b[2K", end="", file=self._out)
        self.say(line)
