"""Time zones by their IANA name. The rules come from the system, or from the package `tzdata` where it has none."""

import difflib
import functools
import zoneinfo
from typing import Final

_OF_ONE_MACHINE: Final = {"localtime", "Factory"}  # whatever the host is set to, and "nothing set": no place


@functools.cache  # reads the head of some 600 files
def _names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones() - _OF_ONE_MACHINE)


def time_zone(name: str) -> zoneinfo.ZoneInfo:
    """Return the zone. Raises ValueError that tells what to write instead."""
    if name not in _names():
        similar = _similar(name)
        fix = f"did you mean {' or '.join(similar)}?" if similar else "write for example Europe/Berlin or UTC"
        raise ValueError(f"{name[:64]!r} is no IANA time zone; {fix}")
    return zoneinfo.ZoneInfo(name)


def _similar(name: str) -> list[str]:
    """Return the names most like `name`, whatever its case, also when the continent is missing or wrong."""
    lowered = name.lower().replace(" ", "_")
    if whole := [known for known in _names() if known.lower() == lowered]:
        return whole
    # not Etc/GMT+1, which is an hour *behind* UTC and never what was meant
    places = {known.lower(): known for known in sorted(_names()) if "/" in known and not known.startswith("Etc/")}
    city = lowered.rpartition("/")[2]
    if here := [known for place, known in places.items() if place.rpartition("/")[2] == city]:
        return here[:2]
    return [places[place] for place in difflib.get_close_matches(lowered, places, n=2, cutoff=0.8)]
