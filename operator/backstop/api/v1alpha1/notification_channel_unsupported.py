"""What of the NotificationChannel this version understands but does not do yet. It is refused, never ignored."""

from collections.abc import Iterator, Mapping
from typing import Any

from backstop.api.paths import Location
from backstop.api.problems import Problem
from backstop.api.v1alpha1.notification_channel import NotificationChannelSpec

_NOT_YET = ("slack", "pager_duty", "email", "teams", "alertmanager", "on_call")


def without_what_is_inside(raw: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a spec as it was written, but for what is inside of such kinds: their fields are not known yet."""
    later = {NotificationChannelSpec.model_fields[name].alias or name for name in _NOT_YET}
    return {key: {} if key in later and isinstance(value, Mapping) else value for key, value in raw.items()}


def not_supported_yet(spec: NotificationChannelSpec, *, at: Location) -> Iterator[Problem]:
    """Yield a problem per kind of channel of a valid spec that this version does not have."""
    for name in _NOT_YET:
        if getattr(spec, name) is not None:
            field = type(spec).model_fields[name].alias or name
            text = "is not supported yet; write webhook: {url: …, secretRef: …}"
            yield Problem(location=(*at, field), text=text, not_supported_yet=True)
