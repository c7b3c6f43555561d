"""The objects of ours that a spec names, all in its own namespace: no field of ours names another (semantics K4)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from backstop.api.paths import Location, show_path
from backstop.api.v1alpha1.alert_policy import AlertPolicySpec
from backstop.api.v1alpha1.maintenance_window import MaintenanceWindowSpec
from backstop.api.v1alpha1.slo import SLOSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One name in a spec, and the field that has it."""

    location: Location
    kind: str
    name: str

    @property
    def path(self) -> str:
        return show_path(self.location)


def references_of(kind: str, spec: object) -> Iterator[Reference]:
    """Yield what a valid spec names, in the order of the spec; nothing for a kind that names no other object."""
    find = _REFERENCES.get(kind)
    if find is not None:
        yield from find(spec)


def _of_slo(spec: SLOSpec) -> Iterator[Reference]:
    composite = spec.indicator.composite
    for index, component in enumerate(composite.components if composite is not None else ()):
        location = ("spec", "indicator", "composite", "components", index, "slo")
        yield Reference(location=location, kind="SLO", name=component.slo)


def _of_maintenance(spec: MaintenanceWindowSpec) -> Iterator[Reference]:
    for index, name in enumerate(spec.slos.names or ()):
        yield Reference(location=("spec", "slos", "names", index), kind="SLO", name=name)


def _of_alert_policy(spec: AlertPolicySpec) -> Iterator[Reference]:
    names = spec.slos.names if spec.slos is not None else None
    for index, name in enumerate(names or ()):
        yield Reference(location=("spec", "slos", "names", index), kind="SLO", name=name)
    told: list[tuple[Location, list[str] | None]] = [(("presetNotify",), spec.preset_notify)]
    told += [(("tiers", index, "notify"), tier.notify) for index, tier in enumerate(spec.tiers or ())]
    told += [(("rules", index, "notify"), rule.notify) for index, rule in enumerate(spec.alert_rules or ())]
    for location, channels in told:
        for index, channel in enumerate(channels or ()):
            yield Reference(location=("spec", *location, index), kind="NotificationChannel", name=channel)


_REFERENCES: Final[Mapping[str, Callable[[Any], Iterator[Reference]]]] = {
    "SLO": _of_slo,
    "MaintenanceWindow": _of_maintenance,
    "AlertPolicy": _of_alert_policy,
}
