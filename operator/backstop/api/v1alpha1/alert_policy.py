"""The AlertPolicy resource: what people write. Its status is in `alert_policy_status`."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from backstop.api.field_types import Choice, DurationBetween, UniqueBy
from backstop.api.rules import ApiModel, Rule
from backstop.api.v1alpha1.alert_policy_escalation import ActiveTimes, Escalation
from backstop.api.v1alpha1.alert_policy_rules import AlertRule, Channels
from backstop.api.v1alpha1.maintenance_window import SLOSelector
from backstop.domain.alert_policy import IncidentBy, Severity
from backstop.vocabulary import MAX_RULES


class Preset(StrEnum):
    """Rules that need not be written."""

    GOOGLE_SRE = "google-sre"


class TierName(StrEnum):
    """The tiers of preset google-sre, by their long windows."""

    SRE_1H = "google-sre-1h"
    SRE_6H = "google-sre-6h"
    SRE_1D = "google-sre-1d"
    SRE_3D = "google-sre-3d"


class TierOverride(ApiModel):
    """A tier of the preset that is switched off, or is as bad as something else."""

    name: Annotated[TierName, Choice(TierName)] = Field(
        description="Name of the tier: that of the preset and its long window.", examples=["google-sre-3d"]
    )
    enabled: bool = Field(default=True, description="False switches the tier off.", examples=[False])
    severity: Annotated[Severity, Choice(Severity)] | None = Field(
        default=None, description="Its severity, instead of the preset's.", examples=["P1"]
    )
    notify: Channels | None = Field(
        default=None,
        description="Names of the NotificationChannels that are told, instead of presetNotify.",
        examples=[["oncall"]],
    )


class AlertPolicySpec(ApiModel):
    """Which alerts there are, how bad each one is, and what is expected of people."""

    slos: SLOSelector | None = Field(
        default=None,
        description="The SLOs that rules about SLOs judge, in the policy's own namespace: exactly one of names and"
        " matchLabels (default: all of the namespace).",
        examples=[{"names": ["checkout-availability"]}],
    )
    preset: Annotated[Preset, Choice(Preset)] | None = Field(
        default=None,
        description="The four standard tiers of burn rates, scaled to the window of each SLO.",
        examples=["google-sre"],
    )
    preset_notify: Channels | None = Field(
        default=None,
        description="Names of the NotificationChannels that the tiers of the preset tell.",
        examples=[["oncall"]],
    )
    tiers: Annotated[list[TierOverride], Field(min_length=1, max_length=8), UniqueBy("name")] | None = Field(
        default=None,
        description="Tiers of the preset that are switched off or changed.",
        examples=[[{"name": "google-sre-1h", "severity": "P1"}]],
    )
    alert_rules: Annotated[  # `rules` of every model are those between its fields
        Annotated[list[AlertRule], Field(min_length=1, max_length=MAX_RULES), UniqueBy("name")] | None,
        Field(alias="rules"),
    ] = Field(
        default=None,
        description="Rules of its own, beside the preset's.",
        examples=[
            [
                {
                    "name": "blind",
                    "severity": "P1",
                    "when": {"noData": {"for": "10m"}},
                    "notify": ["oncall"],
                }
            ]
        ],
    )
    inhibit: bool = Field(
        default=True,
        description="A burnRate rule that fires holds the notifications of less severe ones about the same SLO.",
        examples=[True],
    )
    incident_by: Annotated[IncidentBy, Choice(IncidentBy)] | None = Field(
        default=None,
        description="What shares an incident (default: service where the SLO has one, else rule).",
        examples=["service"],
    )
    reopen_within: Annotated[str, DurationBetween(shortest="0s", longest="7d")] = Field(
        default="30m",
        description="What fires again so soon after its incident was resolved opens that one again.",
        examples=["30m"],
    )
    escalation: Escalation | None = Field(
        default=None,
        description="By when people answer an incident.",
        examples=[{"acknowledgeWithin": {"P0": "5m", "P1": "15m"}}],
    )
    active_times: ActiveTimes | None = Field(
        default=None,
        description="When people are told. Not supported yet.",
        examples=[{"timeZone": "Europe/Berlin", "days": ["Mon-Fri"], "times": ["09:00-17:00"]}],
    )

    rules = (
        Rule(
            message="preset or rules must be set; for example preset: google-sre",
            holds=lambda model: bool({"preset", "rules"} & model.given),
            cel="has(self.preset) || has(self.rules)",
        ),
        Rule(
            message="presetNotify belongs to preset: set both, or leave presetNotify out",
            holds=lambda model: "preset" in model.given or "presetNotify" not in model.given,
            cel="has(self.preset) || !has(self.presetNotify)",
        ),
        Rule(
            message="tiers belongs to preset: set both, or leave tiers out",
            holds=lambda model: "preset" in model.given or "tiers" not in model.given,
            cel="has(self.preset) || !has(self.tiers)",
        ),
        Rule(
            message=f"with preset, names of rules must be none of {', '.join(TierName)}; for example name: fast-burn",
            holds=lambda model: (
                model.preset is None or not {str(rule.name) for rule in model.alert_rules or ()} & set(TierName)
            ),
            cel="!has(self.preset) || !has(self.rules) || !self.rules.exists(rule, rule.name in"
            f" [{', '.join(repr(str(name)) for name in TierName)}])",
        ),
    )
