"""Durations as Prometheus writes them: `30d`, `1h30m`, `500ms`. A day is 24 h, a week 7 d, a year 365 d."""

import re
from typing import Final

_UNIT_MILLISECONDS: Final = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
PATTERN: Final = "^([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"
_WHOLE: Final = re.compile(PATTERN)
_PART: Final = re.compile(r"([0-9]+)(ms|[ywdhms])")


def parse_duration(text: str) -> float:
    """Return the seconds of a Prometheus duration. Raises ValueError that shows working examples."""
    if not text or not _WHOLE.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration; write it as 30s, 5m, 1h30m, 30d or 500ms")
    return sum(int(n) * _UNIT_MILLISECONDS[unit] for n, unit in _PART.findall(text)) / 1000


def format_duration(seconds: float) -> str:
    """Return the shortest Prometheus duration of `seconds`, to the millisecond: 5400 is `1h30m`, 0 is `0s`."""
    left = round(seconds * 1000)
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):  # weeks and years are how people write, days are how they compare
        count, left = divmod(left, _UNIT_MILLISECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
