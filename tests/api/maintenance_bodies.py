"""MaintenanceWindows as people write them, for the tests of the API."""

from typing import Any

CREATED = "2026-03-01T12:00:00Z"


def window_body(**spec: Any) -> dict[str, Any]:
    """Return a valid MaintenanceWindow with fields of its spec replaced; a value of `...` removes the field."""
    merged = {"slos": {"names": ["checkout"]}, "start": "2026-03-02T02:00:00Z", "duration": "2h"} | spec
    return {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": "MaintenanceWindow",
        "metadata": {
            "name": "upgrade", "namespace": "shop", "uid": "0-1", "generation": 3, "creationTimestamp": CREATED,
        },
        "spec": {key: value for key, value in merged.items() if value is not ...},
    }  # fmt: skip


def on_schedule(cron: str = "0 2 * * 6", duration: str = "2h", **spec: Any) -> dict[str, Any]:
    zone = {"timeZone": spec.pop("timeZone")} if "timeZone" in spec else {}
    return window_body(
        start=spec.pop("start", ...), duration=..., schedule={"cron": cron, "duration": duration} | zone, **spec
    )


ACCEPTED: dict[str, dict[str, Any]] = {
    "once, by duration": window_body(),
    "once, by end": window_body(duration=..., end="2026-03-02T04:00:00+01:00"),
    "in the past": window_body(start="2026-02-20T02:00:00Z"),
    "exactly 30 days back": window_body(start="2026-01-30T12:00:00Z"),
    "far in the future": window_body(start="2199-12-31T23:59:59Z", duration="30d"),
    "with an offset": window_body(start="2026-03-02T02:00:00-11:00"),
    "on a schedule": on_schedule(),
    "in a time zone": on_schedule(timeZone="Europe/Berlin"),
    "a schedule with bounds": on_schedule(start="2026-03-02T02:00:00Z", end="2027-03-02T02:00:00Z"),
    "every hour": on_schedule("0 * * * *", "5m"),
    "times that overlap": on_schedule("0 1,2 * * *", "2h"),
    "by labels": window_body(slos={"matchLabels": {"team": "payments", "example.com/tier": "critical", "empty": ""}}),
    "what is not supported, written as false": window_body(
        muteNotifications=False, freezeAutomation=False, freezeDeploys=False
    ),
    "described": window_body(description="Upgrade of the shop's database"),
}

# Refused by the schema and its rules as well as by us: body, path, and words of the message.
REFUSED_BY_THE_SCHEMA: dict[str, tuple[dict[str, Any], str, str]] = {
    "neither start nor schedule": (window_body(start=..., duration=...), "spec", "start or schedule must be set"),
    "no end": (window_body(duration=...), "spec", "exactly one of duration and end must be set"),
    "two ends": (window_body(end="2026-03-02T04:00:00Z"), "spec", "exactly one of duration and end must be set"),
    "two durations": (
        on_schedule() | {"spec": on_schedule()["spec"] | {"duration": "2h"}}, "spec", "belongs to schedule.duration",
    ),
    "over before it begins": (
        window_body(duration=..., end="2026-03-02T01:00:00Z"), "spec", "end must be 1m to 30d after start",
    ),
    "over when it begins": (
        window_body(duration=..., end="2026-03-02T02:00:00Z"), "spec", "end must be 1m to 30d after start",
    ),
    "longer than 30 days": (
        window_body(duration=..., end="2026-04-02T02:00:00Z"), "spec", "end must be 1m to 30d after start",
    ),
    "a duration of 31 days": (window_body(duration="31d"), "spec.duration", "from 1m to 30d"),
    "no time at all": (window_body(duration="0s"), "spec.duration", "from 1m to 30d"),
    "a schedule that ends before it starts": (
        on_schedule(start="2026-03-02T02:00:00Z", end="2026-03-01T02:00:00Z"), "spec", "end must be",
    ),
    "an empty selector": (window_body(slos={}), "spec.slos", "an empty selector matches nothing"),
    "two selectors": (
        window_body(slos={"names": ["a"], "matchLabels": {"a": "b"}}), "spec.slos", "exactly one of names, matchLabels",
    ),
    "no names": (window_body(slos={"names": []}), "spec.slos.names", "at least 1"),
    "no labels": (window_body(slos={"matchLabels": {}}), "spec.slos.matchLabels", "at least 1"),
    "a name with capitals": (window_body(slos={"names": ["Checkout"]}), "spec.slos.names[0]", "match"),
    "no selector": (window_body(slos=...), "spec.slos", "Required"),
    "a start without an offset": (window_body(start="2026-03-02T02:00:00"), "spec.start", "date"),
    "a day as start": (window_body(start="2026-03-02"), "spec.start", "date"),
    "30 February as start": (window_body(start="2026-02-30T02:00:00Z"), "spec.start", "date"),
    "no effect": (window_body(excludeFromBudget=False), "spec", "at least one of excludeFromBudget"),
    "each minute": (on_schedule("* * * * *"), "spec.schedule.cron", ""),
    "30 February on a schedule": (on_schedule("0 0 30 2 *"), "spec.schedule.cron", "never comes: no such month"),
    "a nickname": (on_schedule("@daily"), "spec.schedule.cron", ""),
    "a schedule of 8 days": (on_schedule(duration="8d"), "spec.schedule.duration", "from 1m to 7d"),
}  # fmt: skip

# What only a look at the whole object can tell: path and words of the message.
REFUSED_BY_CONDITION: dict[str, tuple[dict[str, Any], str, str]] = {
    "31 days back": (
        window_body(start="2026-01-29T12:00:00Z"), "spec.start", "reaches back more than 30d before the object",
    ),
    "a schedule 31 days back": (on_schedule(start="2026-01-29T12:00:00Z"), "spec.start", "write 2026-01-30T12:00:00Z"),
    "no such time zone": (
        on_schedule(timeZone="Europe/Berln"), "spec.schedule.timeZone", "did you mean Europe/Berlin",
    ),
    "no such hour": (on_schedule("0 25 * * *"), "spec.schedule.cron", "bad hour"),
    "no such Sunday": (on_schedule("0 0 */27 2 SUN#5"), "spec.schedule.cron", "never comes: there is no such day"),
    "daily for a day": (on_schedule("0 2 * * *", "1d"), "spec.schedule.duration", "it never ends"),
    "hourly for an hour": (on_schedule("0 * * * *", "1h"), "spec.schedule.duration", "it never ends"),
    "a key that is no label": (window_body(slos={"matchLabels": {"a b": "c"}}), "spec.slos.matchLabels", "is no label"),
}  # fmt: skip

NOT_SUPPORTED_YET = ("muteNotifications", "freezeAutomation", "freezeDeploys")
