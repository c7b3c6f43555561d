"""What of the SLO this version understands but does not do yet. It is refused, never ignored."""

from collections.abc import Iterator

from backstop.api.paths import Location
from backstop.api.problems import Problem
from backstop.api.v1alpha1.slo import SLOSpec
from backstop.api.v1alpha1.slo_workload import Workload


def not_supported_yet(spec: SLOSpec, *, at: Location) -> list[Problem]:
    """Return a problem per field of a valid spec that this version does not implement."""
    return [
        Problem(location=(*at, *location), text=f"is not supported yet; {fix}", not_supported_yet=True)
        for location, fix in _workload(spec.workload)
    ]


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
