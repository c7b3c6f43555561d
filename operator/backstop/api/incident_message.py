"""What a webhook receives: one JSON document per message, versioned.

A receiver must ignore fields that it does not know: new ones come without a new version. `version` changes when a field
goes or means something else.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import Field

from backstop.api.rules import ApiModel
from backstop.api.schema import Schema, structural_schema
from backstop.domain.alert import AlertStatus
from backstop.domain.incident import AlertEntry, Incident
from backstop.domain.notification import Notification
from backstop.domain.slo import Uid
from backstop.vocabulary import NotificationCause

MESSAGE_VERSION: Final = "1"
SHOWN_ALERTS: Final = 10
MAX_TEXT: Final = 1024
MAX_SHORT: Final = 256
# The worst first.
_ORDER: Final = {AlertStatus.FIRING: 0, AlertStatus.UNKNOWN: 1, AlertStatus.PENDING: 2, AlertStatus.CLEAR: 3}
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Instant = Annotated[str, Field(max_length=32, json_schema_extra={"format": "date-time"})]
Short = Annotated[str, Field(max_length=MAX_SHORT)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]


class MessageAlert(ApiModel):
    """One alert of the incident."""

    rule: Short = Field(description="Name of the rule.", examples=["fast-burn"])
    severity: Short = Field(description="P0 to P3.", examples=["P0"])
    status: Short = Field(description="Firing, Pending, Clear or Unknown.", examples=["Firing"])
    subject_kind: Short = Field(description="What the rule is about.", examples=["SLO"])
    subject: Short = Field(description="Its name.", examples=["checkout-availability"])
    group: Annotated[dict[str, Short], Field(max_length=16)] = Field(
        description="Labels of groupBy, where the alert is about a part; else empty.", examples=[{"region": "eu"}]
    )
    since: Instant | None = Field(
        default=None, description="Since when it has that status.", examples=["2026-12-05T02:03:00.000Z"]
    )
    started_at: Instant | None = Field(
        default=None, description="When what is wrong began.", examples=["2026-12-05T02:01:00.000Z"]
    )
    reason: Short = Field(description="Why, in one word; see the vocabulary.", examples=["Burning"])
    message: Text = Field(description="Why, in words, with the numbers.", examples=["burn rate 120 over 1h"])


class MessageIncident(ApiModel):
    """The incident as it is when the message is sent, which may be later than its cause."""

    uid: Short = Field(description="Identity of the incident.", examples=["6d0f2f0e-6f3a-4a53-9a57-2f4a3c9f1d11"])
    namespace: Short = Field(description="Its namespace.", examples=["shop"])
    name: Short = Field(description="Its name.", examples=["checkout-3f2a91bc-1"])
    title: Text = Field(description="What is wrong, in a line.", examples=["checkout burns its budget"])
    severity: Short = Field(description="P0 to P3; P0 is the worst.", examples=["P0"])
    state: Short = Field(description="Open, Acknowledged or Resolved.", examples=["Open"])
    policy: Short | None = Field(default=None, description="The AlertPolicy that opened it.", examples=["checkout"])
    service: Short | None = Field(default=None, description="The service that it is about.", examples=["checkout"])
    opened_at: Instant = Field(description="When it was opened.", examples=["2026-12-05T02:03:00.000Z"])
    started_at: Instant | None = Field(
        default=None, description="When the first bad evidence was seen.", examples=["2026-12-05T02:01:00.000Z"]
    )
    acknowledged_by: Short | None = Field(
        default=None, description="User name of who takes care of it.", examples=["jane@example.com"]
    )
    resolution: Text | None = Field(default=None, description="Why it counts as resolved.", examples=["burn rate 0.2"])
    summary: Text = Field(
        description="What is known, in words.", examples=["1 alert fires: fast-burn of SLO/checkout-availability"]
    )
    alerts: Annotated[list[MessageAlert], Field(max_length=SHOWN_ALERTS)] = Field(
        description=f"Its alerts, the worst first, at most {SHOWN_ALERTS}.", examples=[[]]
    )
    alert_count: Annotated[int, Field(ge=0)] = Field(description="How many it has in all.", examples=[1])


class IncidentMessage(ApiModel):
    """One message. The same `id` may come again: what was taken once is to be dropped then."""

    version: Annotated[str, Field(max_length=8, pattern=f"^{MESSAGE_VERSION}$")] = Field(
        description="Version of this format.", examples=[MESSAGE_VERSION]
    )
    id: Short = Field(
        description="Identity of the message, the same in every attempt; also in header Backstop-Delivery.",
        examples=["6d0f2f0e-6f3a-4a53-9a57-2f4a3c9f1d11-1"],
    )
    dedup_key: Short = Field(
        description="The same for all messages of an incident: its uid.",
        examples=["6d0f2f0e-6f3a-4a53-9a57-2f4a3c9f1d11"],
    )
    sequence: Annotated[int, Field(ge=1)] = Field(
        description="Counts the messages of the incident; a later one is newer.", examples=[1]
    )
    cause: Short = Field(description=f"Why this message is sent: {', '.join(NotificationCause)}.", examples=["Opened"])
    sent_at: Instant = Field(description="When this attempt was made.", examples=["2026-12-05T02:03:00.412Z"])
    acknowledge: Text = Field(
        description="The command that acknowledges the incident.", examples=["backstop ack checkout-3f2a91bc-1 -n shop"]
    )
    incident: MessageIncident = Field(description="The incident.", examples=[{}])


def message_body(uid: Uid, incident: Incident, notification: Notification, *, now: datetime) -> bytes:
    """Return the document, as it is signed and sent. Texts that are too long are cut."""
    message = IncidentMessage.model_validate(
        {
            "version": MESSAGE_VERSION,
            "id": message_id(uid, notification),
            "dedupKey": uid,
            "sequence": notification.sequence,
            "cause": str(notification.cause),
            "sentAt": _instant(now.timestamp()),
            "acknowledge": acknowledge_command(incident),
            "incident": _incident(uid, incident, opened_at=notification.created_at),
        }
    )
    return message.model_dump_json(by_alias=True, exclude_none=True).encode()


def message_id(uid: Uid, notification: Notification) -> str:
    """Return the identity of a message. Names of incidents come again, in other namespaces and later; uids do not."""
    return f"{uid}-{notification.sequence}"


def acknowledge_command(incident: Incident) -> str:
    """Return the command line by which a person takes the incident."""
    return f"backstop ack {incident.name} -n {incident.namespace}"


def message_schema() -> Schema:
    """Return the JSON Schema of the document."""
    return {"$schema": _DIALECT, "title": "A message about an incident", **structural_schema(IncidentMessage)}


def _incident(uid: Uid, incident: Incident, *, opened_at: float) -> dict[str, object]:
    alerts = sorted(incident.alerts, key=lambda entry: (_ORDER[entry.status], entry.severity.rank, entry.since))
    return {
        "uid": uid,
        "namespace": incident.namespace,
        "name": incident.name,
        "title": _cut(incident.title),
        "severity": str(incident.severity),
        "state": str(incident.state),
        "policy": incident.policy,
        "service": incident.service,
        "openedAt": _instant(opened_at if incident.opened_at is None else incident.opened_at),
        "startedAt": _instant(incident.started_at),
        "acknowledgedBy": _cut(incident.acknowledged_by, MAX_SHORT),
        "resolution": _cut(incident.resolution),
        "summary": _cut(_summary(incident, alerts)),
        "alerts": [_alert(entry) for entry in alerts[:SHOWN_ALERTS]],
        "alertCount": max(incident.alert_count, len(alerts)),
    }


def _summary(incident: Incident, alerts: Sequence[AlertEntry]) -> str:
    """Return how it ended, else what fires, else what a person wrote."""
    if incident.resolved and incident.resolution:
        return incident.resolution
    firing = [entry for entry in alerts if entry.status is AlertStatus.FIRING]
    if firing:
        worst = firing[0]
        count = "1 alert fires" if len(firing) == 1 else f"{len(firing)} alerts fire"
        return f"{count}: {worst.rule} of {worst.subject_key}: {worst.message}"
    return incident.description or incident.title


def _alert(entry: AlertEntry) -> dict[str, object]:
    return {
        "rule": _cut(entry.rule, MAX_SHORT),
        "severity": str(entry.severity),
        "status": str(entry.status),
        "subjectKind": str(entry.subject_kind),
        "subject": _cut(entry.subject, MAX_SHORT),
        "group": {label: _cut(value, MAX_SHORT) for label, value in entry.group},
        "since": _instant(entry.since),
        "startedAt": _instant(entry.started_at),
        "reason": str(entry.reason),
        "message": _cut(entry.message),
    }


def _instant(at: float | None) -> str | None:
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _cut(text: str | None, most: int = MAX_TEXT) -> str | None:
    return text if text is None or len(text) <= most else f"{text[: most - 1]}…"
