"""The only way from a raw object to `backstop.domain.maintenance.MaintenanceWindow`.

Whatever the object is, the outcome is a domain object or problems that name a path and a fix.
"""

import functools
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from backstop.api.cron import Cron
from backstop.api.field_types import kind_of
from backstop.api.instants import parse_instant
from backstop.api.objects import Checked, combined, header_problems, identity_problems, name_problems, read_spec
from backstop.api.paths import Location
from backstop.api.problems import Problem
from backstop.api.v1alpha1.maintenance_window import MaintenanceWindowSpec, Schedule
from backstop.api.v1alpha1.maintenance_window_unsupported import not_supported_yet
from backstop.domain.duration import parse_duration
from backstop.domain.maintenance import (
    CORRECTION_SECONDS,
    LONGEST_SECONDS,
    MaintenanceWindow,
    SLOSelector,
    stretches,
)
from backstop.domain.slo import Uid
from backstop.domain.time_zone import time_zone
from backstop.vocabulary import MAX_CORRECTION

KIND: Final = "MaintenanceWindow"
_LEAST: Final = "slos, start and duration"


def check_maintenance(body: object, *, now: datetime | None = None) -> Checked[MaintenanceWindowSpec]:
    """Read a MaintenanceWindow as people write it. Raises nothing.

    `now` is when an object that does not tell its creation would be made; without it such a start is not judged.
    """
    if not isinstance(body, Mapping):
        return Checked(spec=None, problems=(Problem(location=(), text=f"an object is a map, not {kind_of(body)}"),))
    metadata = body.get("metadata")
    problems = [*header_problems(body, kind=KIND), *name_problems(metadata)]
    spec, found = read_spec(body, MaintenanceWindowSpec, least=_LEAST)
    problems += found
    if spec is None:
        return Checked(spec=None, problems=tuple(problems))
    problems += not_supported_yet(spec, at=("spec",))
    problems += _schedule_problems(spec, at=("spec",))
    problems += _reach_problems(spec, _created(metadata) or now, at=("spec",))
    return Checked(spec=spec, problems=tuple(problems))


def to_maintenance(body: object) -> MaintenanceWindow:
    """Return the window of an object as the API server holds it. Raises SpecError as `to_domain` does for an SLO."""
    checked = check_maintenance(body)
    problems = [*checked.problems, *identity_problems(body)]
    metadata = body.get("metadata") if isinstance(body, Mapping) else None
    created = _created(metadata)
    if created is None:
        location = ("metadata", "creationTimestamp")
        problems.append(Problem(location=location, text="is missing; the API server sets it"))
    if checked.spec is None or problems or created is None or not isinstance(metadata, Mapping):
        raise combined(problems)
    return _window(metadata, checked.spec, created)


def _created(metadata: object) -> datetime | None:
    """Return when the object was made, None where its metadata does not tell."""
    told = metadata.get("creationTimestamp") if isinstance(metadata, Mapping) else None
    if not isinstance(told, str):
        return None
    try:
        return parse_instant(told)
    except ValueError:
        return None


def _schedule_problems(spec: MaintenanceWindowSpec, *, at: Location) -> Iterator[Problem]:
    if spec.schedule is not None and _never_ends(spec.schedule):
        text = f"is {spec.schedule.duration}, and by then the next time has begun: it never ends; write a shorter one"
        yield Problem(location=(*at, "schedule", "duration"), text=f"{text}, for example 30m")


@functools.lru_cache(maxsize=1024)
def _never_ends(schedule: Schedule) -> bool:
    """Return whether each occurrence reaches the next one, so that there is no time without maintenance."""
    start = datetime(2001, 1, 1, tzinfo=UTC).timestamp()
    window = MaintenanceWindow(
        uid=Uid(""),
        namespace="",
        name="",
        generation=0,
        slos=SLOSelector(),
        start=start,
        end=math.inf,
        recurrence=_cron(schedule),
        duration_seconds=parse_duration(schedule.duration),
    )
    longest = parse_duration(schedule.duration)
    first = next(stretches(window, start))
    return first.seconds > LONGEST_SECONDS - longest


def _reach_problems(spec: MaintenanceWindowSpec, created: datetime | None, *, at: Location) -> Iterator[Problem]:
    """Yield a problem when it would correct the past further back than is allowed (semantics S5)."""
    if spec.start is None or created is None:
        return
    earliest = created - timedelta(seconds=CORRECTION_SECONDS)
    if parse_instant(spec.start) < earliest:
        rounded = (earliest + timedelta(seconds=59)).replace(second=0)  # up to the next minute
        text = (
            f"reaches back more than {MAX_CORRECTION} before the object was made; write"
            f" {rounded.isoformat().replace('+00:00', 'Z')} or later"
        )
        yield Problem(location=(*at, "start"), text=text)


def _window(metadata: Mapping[str, Any], spec: MaintenanceWindowSpec, created: datetime) -> MaintenanceWindow:
    start = (parse_instant(spec.start) if spec.start is not None else created).timestamp()
    end = parse_instant(spec.end).timestamp() if spec.end is not None else math.inf
    if spec.duration is not None:
        end = start + parse_duration(spec.duration)
    return MaintenanceWindow(
        uid=Uid(metadata["uid"]),
        namespace=metadata["namespace"],
        name=metadata["name"],
        generation=metadata["generation"],
        slos=SLOSelector(names=frozenset(spec.slos.names or ()), labels=dict(spec.slos.match_labels or {})),
        start=start,
        end=max(start, end),  # a schedule whose end is over before it was made has no time at all
        recurrence=None if spec.schedule is None else _cron(spec.schedule),
        duration_seconds=0.0 if spec.schedule is None else parse_duration(spec.schedule.duration),
        exclude_from_budget=spec.exclude_from_budget,
    )


def _cron(schedule: Schedule) -> Cron:
    return Cron(schedule.cron, time_zone(schedule.time_zone))
