"""Moments as people write them on a command line, and the moments of a replay."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import click

from backstop.domain.duration import format_duration, parse_duration

MINUTE: Final = 60
STEPS: Final = ("1m", "2m", "5m", "10m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d", "2d", "4d", "7d")
USUAL_ROWS: Final = 200  # of a replay without --step, at most
MAX_ROWS: Final = 2000
_HOUR: Final = 3_600.0
_DAY: Final = 86_400.0
_UNITS: Final = {_DAY: "d", _HOUR: "h", MINUTE: "m"}
_RELATIVE: Final = re.compile(r"(?:now)?-(?P<duration>\w+)")

Instant = Callable[[float], float]  # from the source's now to the instant, both unix seconds


class InstantParam(click.ParamType[Instant]):
    """`now`, `-30d` (to the minute), `2026-03-01T10:00:00Z`, or a date, which is its midnight in UTC."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Instant:
        if callable(value):
            return value
        text = str(value).strip()
        if text == "now":
            return lambda now: now
        if relative := _RELATIVE.fullmatch(text):
            try:
                seconds = parse_duration(relative["duration"])
            except ValueError as problem:
                self.fail(str(problem), param, ctx)
            return lambda now: (now - seconds) // MINUTE * MINUTE
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{text!r} is no time; write now, -30d or 2026-03-01T10:00:00Z", param, ctx)
        if moment.tzinfo is None:
            if "T" in text or " " in text:
                self.fail(f"{text!r} has no time zone; write {text}Z for UTC, or {text}+01:00", param, ctx)
            moment = moment.replace(tzinfo=UTC)
        at = moment.timestamp()
        return lambda _: at


class DurationParam(click.ParamType[float]):
    """A Prometheus duration, as seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        try:
            return parse_duration(str(value))
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


def default_step(seconds: float) -> float:
    """Return the shortest usual step that makes at most 200 rows of a stretch."""
    steps = [parse_duration(step) for step in STEPS]
    longer = math.ceil(seconds / USUAL_ROWS / _DAY) * _DAY
    return next((step for step in steps if seconds / step <= USUAL_ROWS), longer)


def moments(start: float, end: float, step: float) -> list[float]:
    """Return `start`, the multiples of `step` in UTC between it and `end`, and `end`.

    Raises ValueError, with a step that works, for more than 2,000 and for a step that is not of whole minutes.
    """
    if step < MINUTE or step % MINUTE:
        raise ValueError(f"{format_duration(step)} is no step: write whole minutes, for example 1m or 4h")
    first = (math.floor(start / step) + 1) * step
    count = max(math.ceil((end - first) / step), 0) + 2
    if count > MAX_ROWS:
        fitting = math.ceil((end - start) / (MAX_ROWS - 2) / MINUTE) * MINUTE
        raise ValueError(f"a step of {format_duration(step)} makes {count} rows, more than {MAX_ROWS}; "
                         f"write {format_duration(fitting)} or more")  # fmt: skip
    between = [first + n * step for n in range(count - 2)]
    return [start, *between, end] if end > start else [start]


def shown(at: float) -> str:
    """Return an instant as tables show it: UTC, to the minute, and to the second where it is between two."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.strftime("%Y-%m-%dT%H:%MZ" if at % MINUTE == 0 else "%Y-%m-%dT%H:%M:%SZ")


def age(seconds: float) -> str:
    """Return how long something is ago, in its largest unit that counts at least two: 1m59s, 2m, 47h, 2d."""
    for unit in (_DAY, _HOUR, MINUTE):
        if seconds >= 2 * unit:
            whole = int(seconds // unit)
            return f"{whole}{_UNITS[unit]}"
    return format_duration(int(max(seconds, 0)))
