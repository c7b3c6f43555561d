"""The published cases of calendar and rolling windows, read where they lie beside the repository."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from backstop.domain.interval import Interval

FILE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "windows_calendar.json"
ABSENT = pytest.param(None, marks=pytest.mark.skip(reason="../shared/data/windows_calendar.json is not there"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One of them; what is expected is that of a calendar that clamps the ends of months."""

    name: str
    rolling: bool
    unit: str
    count: int
    start: datetime | None
    zone: str | None
    at: float
    expected: Interval


def cases(*, rolling: bool) -> list[Any]:
    """Return the cases as parameters of a test, or one that is skipped."""
    found = [case for case in _read() if case.rolling is rolling] if FILE.exists() else []
    return [pytest.param(case, id=case.name) for case in found] or [ABSENT]


def _read() -> Iterator[Case]:
    for raw in json.loads(FILE.read_text(encoding="utf-8"))["cases"]:
        expected = raw.get("expected_if_clamped", raw["expected"])
        start = raw.get("start")
        yield Case(
            name=f"{raw['id']} {raw['name']}",
            rolling=raw["type"] == "rolling",
            unit=raw["unit"],
            count=raw["count"],
            start=None if start is None else datetime.strptime(start, "%Y-%m-%d %H:%M:%S"),  # noqa: DTZ007  wall clock
            zone=raw.get("time_zone"),
            at=_seconds(raw["timestamp"]),
            expected=Interval(_seconds(expected["begin"]), _seconds(expected["end"])),
        )


def _seconds(rfc3339: str) -> float:
    return datetime.fromisoformat(rfc3339).timestamp()
