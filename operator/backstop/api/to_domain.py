"""The only way from a raw object to `backstop.domain.slo.SLO`: nothing behind it sees dicts, pydantic or durations.

Whatever the object is, the outcome is a domain object or problems that name a path and a fix.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from backstop.api.field_types import kind_of
from backstop.api.objects import Checked, combined, header_problems, identity_problems, name_problems, read_spec
from backstop.api.problems import Problem
from backstop.api.v1alpha1.slo import SLOSpec
from backstop.api.v1alpha1.slo_unsupported import not_supported_yet
from backstop.api.v1alpha1.slo_warnings import warnings_of
from backstop.api.v1alpha1.slo_window import Window
from backstop.api.v1alpha1.slo_workload import Workload as WorkloadModel
from backstop.domain import slo as domain
from backstop.domain.calendar import CalendarPeriods
from backstop.domain.duration import parse_duration
from backstop.domain.errors import SpecError
from backstop.promql.parse import without_comments

KIND: Final = "SLO"
_COMPOSITE_SLICE: Final = domain.Timeslice(seconds=60, target_ratio=None)


def check_slo(body: object) -> Checked[SLOSpec]:
    """Read an SLO as people write it: `metadata` needs a name, a namespace may be missing. Raises nothing."""
    if not isinstance(body, Mapping):
        return Checked(spec=None, problems=(Problem(location=(), text=f"an object is a map, not {kind_of(body)}"),))
    problems = [*header_problems(body, kind=KIND), *name_problems(body.get("metadata"))]
    spec, found = read_spec(body, SLOSpec, least="target and indicator")
    problems += found
    if spec is None:
        return Checked(spec=None, problems=tuple(problems))
    problems += not_supported_yet(spec, at=("spec",))
    return Checked(spec=spec, problems=tuple(problems), warnings=tuple(warnings_of(spec, at=("spec",))))


def to_domain(body: object) -> domain.SLO:
    """Return the SLO of an object as the API server holds it, with uid and generation.

    Raises SpecError. Its path is the first problem's; its text tells further ones. It is `not_supported_yet` when that
    is all that is wrong.
    """
    checked = check_slo(body)
    problems = [*checked.problems, *identity_problems(body)]
    if checked.spec is None or problems or not isinstance(body, Mapping):
        raise combined(problems)
    return _slo(body["metadata"], checked.spec)


def _slo(metadata: Mapping[str, Any], spec: SLOSpec) -> domain.SLO:
    return domain.SLO(
        uid=domain.Uid(metadata["uid"]),
        namespace=metadata["namespace"],
        name=metadata["name"],
        generation=metadata["generation"],
        objective=domain.Objective(target_percent=spec.target),
        windows=tuple(_window(window) for window in spec.windows),
        indicator=_indicator(spec),
        source=spec.source,
        evaluation=domain.Evaluation(
            interval_seconds=parse_duration(spec.evaluation.interval),
            no_data=spec.evaluation.no_data,
            no_traffic=spec.evaluation.no_traffic,
            stale_after_seconds=parse_duration(spec.evaluation.stale_after),
            minimum_events=spec.evaluation.minimum_events,
            confidence=float(spec.evaluation.confidence),
            all_bad_for_seconds=parse_duration(spec.evaluation.all_bad_for),
        ),
        budgeting=spec.budgeting,
        timeslice=_timeslice(spec),
        group_by=tuple(spec.group_by or ()),
        service=spec.service,
        workload=_workload(spec.workload),
        labels=dict(metadata.get("labels") or {}),
    )


def _window(window: Window) -> domain.Window:
    if window.rolling is not None:
        return domain.RollingWindow(name=window.name, seconds=parse_duration(window.rolling))
    if (calendar := window.calendar) is not None:
        periods = CalendarPeriods(
            unit=calendar.unit,
            count=calendar.count,
            start=datetime.fromisoformat(calendar.start),
            zone=ZoneInfo(calendar.time_zone),
        )
        return domain.CalendarWindow(name=window.name, periods=periods)
    raise SpecError("spec.windows", "a window is rolling or a period of the calendar")


def _timeslice(spec: SLOSpec) -> domain.Timeslice | None:
    """Return the slices that the budget counts. A composite has no events: without slices it is counted by minutes."""
    if (given := spec.timeslice) is None:
        return _COMPOSITE_SLICE if spec.indicator.composite is not None else None
    return domain.Timeslice(
        seconds=round(parse_duration(given.length)),
        target_ratio=None if given.target is None else given.target / 100,
    )


def _indicator(spec: SLOSpec) -> domain.Indicator:
    """Convert the one indicator. Comments are dropped: the text will stand inside of longer queries."""
    given = spec.indicator
    if (ratio := given.ratio) is not None:
        return domain.RatioIndicator(total=without_comments(ratio.total), good=_bare(ratio.good), bad=_bare(ratio.bad))
    if (latency := given.latency) is not None:
        return domain.LatencyIndicator(
            histogram=latency.histogram,
            selector=without_comments(latency.selector),
            threshold_seconds=Decimal(str(parse_duration(latency.threshold))),
        )
    if given.boolean is not None:
        return domain.BooleanIndicator(metric=without_comments(given.boolean.metric))
    if (threshold := given.threshold) is not None:
        return domain.ThresholdIndicator(
            query=without_comments(threshold.query), op=threshold.op, value=float(threshold.value)
        )
    if (query := given.query) is not None:
        return domain.QueryIndicator(total=without_comments(query.total), good=_bare(query.good), bad=_bare(query.bad))
    if (composite := given.composite) is not None:
        return domain.CompositeIndicator(
            components=tuple(
                domain.Component(name=part.slo, weight=float(part.weight)) for part in composite.components
            ),
            mode=composite.mode,
            when_unknown=composite.when_unknown,
        )
    raise SpecError("spec.indicator", "has no kind that is known")


def _bare(expression: str | None) -> str | None:
    return None if expression is None else without_comments(expression)


def _workload(workload: WorkloadModel | None) -> domain.Workload | None:
    if workload is None:
        return None
    if workload.service is not None:
        return domain.Workload(kind=domain.WorkloadKind.SERVICE, name=workload.service.name)
    if workload.deployment is not None:
        return domain.Workload(kind=domain.WorkloadKind.DEPLOYMENT, name=workload.deployment)
    raise SpecError("spec.workload", "names no kind that is supported yet", not_supported_yet=True)
