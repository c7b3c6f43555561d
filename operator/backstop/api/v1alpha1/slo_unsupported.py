"""What of the SLO this version understands but does not do yet. It is refused, never ignored."""

from collections.abc import Iterator

from backstop.api.paths import Location
from backstop.api.problems import Problem
from backstop.api.v1alpha1.slo import SLOSpec
from backstop.api.v1alpha1.slo_evaluation import Evaluation
from backstop.api.v1alpha1.slo_window import Budgeting
from backstop.api.v1alpha1.slo_workload import Workload


def not_supported_yet(spec: SLOSpec, *, at: Location) -> list[Problem]:
    """Return a problem per field of a valid spec that this version does not implement."""
    return [
        Problem(location=(*at, *location), text=f"is not supported yet; {fix}", not_supported_yet=True)
        for location, fix in (*_spec(spec), *_evaluation(spec.evaluation), *_workload(spec.workload))
    ]


def _spec(spec: SLOSpec) -> Iterator[tuple[Location, str]]:
    for index, window in enumerate(spec.windows):
        if window.calendar is not None:
            yield ("windows", index, "calendar"), "use a rolling window, for example rolling: 30d"
    if spec.budgeting is not Budgeting.OCCURRENCES:
        yield ("budgeting",), "write Occurrences or leave it out"
    if spec.timeslice is not None:
        yield ("timeslice",), "leave it out"
    if spec.indicator.composite is not None:
        yield ("indicator", "composite"), "use ratio, latency, boolean, threshold or query"
    if spec.group_by is not None:
        yield ("groupBy",), "leave it out, and write one SLO per group"


def _evaluation(evaluation: Evaluation) -> Iterator[tuple[Location, str]]:
    fields = type(evaluation).model_fields
    for name in ("no_data", "minimum_events", "confidence", "all_bad_for"):
        if getattr(evaluation, name) != (default := fields[name].default):
            yield ("evaluation", fields[name].alias or name), f"write its default, {default}, or leave it out"


def _workload(workload: Workload | None) -> Iterator[tuple[Location, str]]:
    if workload is None:
        return
    supported = {"service", "deployment"}
    for name, field in type(workload).model_fields.items():
        if name in supported or getattr(workload, name) is None:
            continue
        is_kind = name in {"stateful_set", "daemon_set", "rollout", "http_route", "external"}
        fix = "write service: {name: …} or deployment: …" if is_kind else "leave it out"
        yield ("workload", field.alias or name), fix
    if workload.service is not None:
        if workload.service.selector_key is not None:
            yield ("workload", "service", "selectorKey"), "leave it out"
        if workload.service.together is not None:
            yield ("workload", "service", "together"), "leave it out"
