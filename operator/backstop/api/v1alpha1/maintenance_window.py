"""The MaintenanceWindow resource: what people write. Its status is in `maintenance_window_status`."""

from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Final

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from backstop.api.cron import CronExpression
from backstop.api.field_types import DurationBetween, LabelKey, ObjectName, Text, TimeZone, problem
from backstop.api.instants import InstantText, parse_instant
from backstop.api.rules import ApiModel, Rule, exactly_one_of
from backstop.vocabulary import MAX_SELECTED_LABELS, MAX_SELECTED_NAMES

_SHORTEST: Final = "1m"
_LONGEST: Final = "30d"
_LABEL_VALUE: Final = "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
EFFECTS: Final = ("excludeFromBudget", "muteNotifications", "freezeAutomation", "freezeDeploys")


_LABEL_KEY: Final = TypeAdapter[str](LabelKey)


def _checked_keys(labels: dict[str, str]) -> dict[str, str]:
    """The keys of a map cannot be limited in a structural schema."""
    for key in labels:
        try:
            _LABEL_KEY.validate_python(key)
        except ValidationError:
            raise problem(f"has the key {key[:64]!r}, which is no label; write for example team: payments") from None
    return labels


Labels = Annotated[
    dict[str, Annotated[str, Field(max_length=63, pattern=_LABEL_VALUE)]],
    Field(min_length=1, max_length=MAX_SELECTED_LABELS),
    AfterValidator(_checked_keys),
]


class SLOSelector(ApiModel):
    """Which SLOs of the same namespace are meant. An empty selector matches nothing."""

    names: Annotated[list[ObjectName], Field(min_length=1, max_length=MAX_SELECTED_NAMES)] | None = Field(
        default=None,
        description="Names of SLOs.",
        examples=[["checkout-availability"]],
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    match_labels: Labels | None = Field(
        default=None,
        description="Labels that an SLO must have, all of them.",
        examples=[{"team": "payments"}],
    )

    rules = (
        replace(
            exactly_one_of("names", "matchLabels", example=""),
            message="exactly one of names, matchLabels must be set, as an empty selector matches nothing; for example"
            " names: [checkout-availability]",
        ),
    )


class Schedule(ApiModel):
    """Again and again, by a calendar."""

    cron: Annotated[str, CronExpression()] = Field(
        description="When it begins: minute, hour, day of month, month and day of week as cron reads them, at most once"
        " an hour.",
        examples=["0 2 * * 6"],
    )
    time_zone: TimeZone = Field(
        default="UTC",
        description="IANA time zone of the schedule. A time of day that is skipped when clocks change comes at the end"
        " of the gap; one that comes twice is taken once.",
        examples=["Europe/Berlin"],
    )
    duration: Annotated[str, DurationBetween(shortest=_SHORTEST, longest="7d")] = Field(
        description="How long it lasts each time, in elapsed time. Occurrences that overlap are one.", examples=["2h"]
    )


def _ends_in_time(spec: "MaintenanceWindowSpec") -> bool:
    if spec.start is None or spec.end is None:
        return True
    length = parse_instant(spec.end) - parse_instant(spec.start)
    if spec.schedule is not None:
        return length > timedelta()
    return timedelta(minutes=1) <= length <= timedelta(days=30)


class MaintenanceWindowSpec(ApiModel):
    """Time in which SLOs are known to be disturbed: once, or on a schedule."""

    description: Text | None = Field(
        default=None, description="What is done in it, in a sentence.", examples=["Upgrade of the shop's database"]
    )
    slos: SLOSelector = Field(
        description="The SLOs that it is about, in its own namespace: exactly one of names and matchLabels.",
        examples=[{"names": ["checkout-availability"]}],
    )
    start: InstantText | None = Field(
        default=None,
        description="When it begins; with a schedule, from when on the schedule counts (default: the creation of the"
        " object). At most 30d before the creation of the object.",
        examples=["2026-12-05T02:00:00Z"],
    )
    end: InstantText | None = Field(
        default=None,
        description="When it ends; with a schedule, until when the schedule counts (default: for ever).",
        examples=["2026-12-05T04:00:00Z"],
    )
    duration: Annotated[str, DurationBetween(shortest=_SHORTEST, longest=_LONGEST)] | None = Field(
        default=None, description="How long it lasts, instead of end.", examples=["2h"]
    )
    schedule: Schedule | None = Field(
        default=None, description="When it comes again.", examples=[{"cron": "0 2 * * 6", "duration": "2h"}]
    )
    exclude_from_budget: bool = Field(
        default=True,
        description="Events in this time count neither as good nor as bad, and the budget is that of the rest.",
        examples=[True],
    )
    mute_notifications: bool = Field(
        default=False, description="No notifications about these SLOs. Not supported yet.", examples=[False]
    )
    freeze_automation: bool = Field(
        default=False, description="No runbooks for these SLOs. Not supported yet.", examples=[False]
    )
    freeze_deploys: bool = Field(
        default=False, description="No deploys of their workloads. Not supported yet.", examples=[False]
    )

    rules = (
        Rule(
            message="start or schedule must be set; for example start: 2026-12-05T02:00:00Z with duration: 2h",
            holds=lambda model: bool({"start", "schedule"} & model.given),
            cel="has(self.start) || has(self.schedule)",
        ),
        Rule(
            message="without schedule, exactly one of duration and end must be set; for example duration: 2h",
            holds=lambda model: "schedule" in model.given or ("duration" in model.given) != ("end" in model.given),
            cel="has(self.schedule) || has(self.duration) != has(self.end)",
        ),
        Rule(
            message="with schedule, the duration belongs to schedule.duration; leave the outer duration out",
            holds=lambda model: not {"schedule", "duration"} <= model.given,
            cel="!(has(self.schedule) && has(self.duration))",
        ),
        Rule(
            message=f"end must be {_SHORTEST} to {_LONGEST} after start, with a schedule any time after it; for example"
            " start: 2026-12-05T02:00:00Z and end: 2026-12-05T04:00:00Z",
            holds=_ends_in_time,
            cel="!has(self.start) || !has(self.end) || (self.end > self.start && (has(self.schedule)"
            " || (self.end - self.start >= duration('1m') && self.end - self.start <= duration('720h'))))",
        ),
        Rule(
            message=f"at least one of {', '.join(EFFECTS)} must be true, or it does nothing; for example"
            " excludeFromBudget: true",
            holds=lambda model: any(
                (model.exclude_from_budget, model.mute_notifications, model.freeze_automation, model.freeze_deploys)
            ),
            cel=" || ".join(f"self.{effect}" for effect in EFFECTS),
        ),
    )
