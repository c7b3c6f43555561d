"""What of the MaintenanceWindow this version understands but does not do yet. It is refused, never ignored."""

from collections.abc import Iterator

from backstop.api.paths import Location
from backstop.api.problems import Problem
from backstop.api.v1alpha1.maintenance_window import MaintenanceWindowSpec

_NOT_YET = ("mute_notifications", "freeze_automation", "freeze_deploys")


def not_supported_yet(spec: MaintenanceWindowSpec, *, at: Location) -> Iterator[Problem]:
    """Yield a problem per effect of a valid spec that this version does not have."""
    for name in _NOT_YET:
        if getattr(spec, name):
            field = type(spec).model_fields[name].alias or name
            text = "is not supported yet; leave it out, or write false"
            yield Problem(location=(*at, field), text=text, not_supported_yet=True)
