"""The live table: redrawn in place on a terminal, a line per change where output is piped."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TextIO

from tests.demo.reading import Reading

COLOURS = {"Healthy": "32", "AtRisk": "33", "Exhausted": "31", "Unknown": "35"}
HEADER = f"{'SLO':<22} {'SLI 5m':>9} {'burn 5m':>8} {'burn 30m':>9} {'budget left':>12}  {'state':<10} since"
PLAIN_EVERY_SECONDS = 10.0


class Table:
    """Shows readings with the time since the start and what is going on."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._tty = self._out.isatty()
        self._height = 0
        self._states: dict[str, str] = {}
        self._plain_due = 0.0

    def show(self, readings: Iterable[Reading], *, elapsed: float, act: str) -> None:
        """Show the present; piped, only when a state has changed or ten seconds have passed."""
        shown = sorted(readings, key=lambda reading: reading.name)
        if self._tty:
            lines = [f"{elapsed:5.0f}s  {act}", HEADER, *(row(reading, coloured=True) for reading in shown)]
            up = f"\x1b[{self._height}F" if self._height else ""
            self._out.write(up + "".join(f"\x1b[2K{line}\n" for line in lines))
            self._height = len(lines)
        else:
            states = {reading.name: reading.state for reading in shown}
            if states == self._states and elapsed < self._plain_due:
                return
            if not self._states:
                self._out.write(f"        {HEADER}\n")
            self._states, self._plain_due = states, elapsed + PLAIN_EVERY_SECONDS
            self._out.write("".join(f"{elapsed:5.0f}s  {row(reading)}\n" for reading in shown))
        self._out.flush()

    def say(self, text: str) -> None:
        """Write a line above whatever is shown next."""
        self._height = 0
        self._out.write(text + "\n")
        self._out.flush()


def row(reading: Reading, *, coloured: bool = False) -> str:
    """Return one line of the table; what is not known is a dash."""
    state = f"{reading.state:<10}"
    if coloured:
        state = f"\x1b[{COLOURS.get(reading.state, '0')}m{state}\x1b[0m"
    why = f"  ({reading.reason})" if reading.state == "Unknown" else ""
    burns = f"{number(reading.burn.get('5m'), 'x'):>8} {number(reading.burn.get('30m'), 'x'):>9}"
    budget = f"{number(reading.remaining, '%'):>12}  {state} {clock(reading.since)}{why}"
    return f"{reading.name:<22} {number(reading.sli, '%', 3):>9} {burns} {budget}"


def number(value: float | None, unit: str, decimals: int = 1) -> str:
    return "-" if value is None else f"{value:.{decimals}f}{unit}"


def clock(instant: str | None) -> str:
    """Return the time of day, in UTC, of an RFC 3339 instant."""
    if instant is None:
        return "-"
    return datetime.fromisoformat(instant).astimezone(UTC).strftime("%H:%M:%SZ")
