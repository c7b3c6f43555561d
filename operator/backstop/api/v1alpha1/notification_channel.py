"""The NotificationChannel resource: what people write. Its status is in `notification_channel_status`."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from backstop.api.configuration_rules import header_names, is_header_value
from backstop.api.field_types import DurationBetween, ObjectName, Text, problem
from backstop.api.rules import ApiModel, exactly_one_of

SIGNATURE_HEADER: Final = "Backstop-Signature"
DELIVERY_HEADER: Final = "Backstop-Delivery"
_MAX_HEADERS: Final = 16
# No user, no brackets, no backslash: every program that reads it sees the same host.
_URL: Final = '^https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[1-9][0-9]{0,4})?(/[!-"$-\\[\\]-~]*)?$'
_SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie"})
_OWN_PREFIX: Final = "backstop-"


def _checked_headers(headers: dict[str, str]) -> dict[str, str]:
    """The keys of a map cannot be limited in a structural schema."""
    try:
        header_names(headers)
    except ValueError as error:
        raise problem(str(error)) from None
    lowered = [name.lower() for name in headers]
    for name, value in headers.items():
        if name.lower() in _SECRET_HEADERS:
            raise problem(f"has {name}, which is a secret; leave it out: receivers check {SIGNATURE_HEADER}")
        if name.lower().startswith(_OWN_PREFIX) or name.lower() == "user-agent":
            raise problem(f"has {name}, which Backstop sets itself; leave it out")
        if lowered.count(name.lower()) > 1:
            raise problem(f"has {name} twice; keep one")
        if not is_header_value(value):
            raise problem(f"has for {name} a value that is empty or not printable ASCII; write for example Team: shop")
    return headers


class SecretKeySelector(ApiModel):
    """One entry of a Secret in the namespace of the channel."""

    name: ObjectName = Field(description="Name of the Secret.", examples=["incident-webhook"])
    key: Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[-._a-zA-Z0-9]+$")] = Field(
        description="Which of its entries.", examples=["signing-key"]
    )


class WebhookChannel(ApiModel):
    """Sends each message as JSON by POST, signed."""

    url: Annotated[str, Field(min_length=1, max_length=2048, pattern=_URL)] = Field(
        description="Where to send it. Its host must be one that the operator's configuration allows. Nothing secret"
        " belongs in it: who may read the channel may read it.",
        examples=["https://hooks.example.com/incidents"],
    )
    secret_ref: SecretKeySelector = Field(
        description="The key that messages are signed with: 16 bytes or more that the receiver knows, too. Read anew"
        " for every message.",
        examples=[{"name": "incident-webhook", "key": "signing-key"}],
    )
    headers: (
        Annotated[
            dict[str, Annotated[str, Field(min_length=1, max_length=1024)]],
            Field(min_length=1, max_length=_MAX_HEADERS),
            AfterValidator(_checked_headers),
        ]
        | None
    ) = Field(
        default=None,
        description="Further headers. Not for secrets.",
        examples=[{"Team": "shop"}],
    )
    timeout: Annotated[str, DurationBetween(shortest="1s", longest="30s")] = Field(
        default="10s",
        description="How long one attempt may take, from the look-up of the name to the answer.",
        examples=["10s"],
    )


class LaterChannel(ApiModel):
    """A kind of channel that this version knows by name only."""


_LATER: Final = "Not supported yet."


class NotificationChannelSpec(ApiModel):
    """Where incidents are told: exactly one kind."""

    description: Text | None = Field(
        default=None, description="Who reads it, in a sentence.", examples=["The shop's on-call tool"]
    )
    webhook: WebhookChannel | None = Field(
        default=None,
        description="An HTTP address that takes JSON.",
        examples=[
            {
                "url": "https://hooks.example.com/incidents",
                "secretRef": {"name": "incident-webhook", "key": "signing-key"},
            }
        ],
    )
    slack: LaterChannel | None = Field(default=None, description=f"A Slack channel. {_LATER}", examples=[{}])
    pager_duty: LaterChannel | None = Field(default=None, description=f"A PagerDuty service. {_LATER}", examples=[{}])
    email: LaterChannel | None = Field(default=None, description=f"Mail addresses. {_LATER}", examples=[{}])
    teams: LaterChannel | None = Field(default=None, description=f"A Microsoft Teams channel. {_LATER}", examples=[{}])
    alertmanager: LaterChannel | None = Field(default=None, description=f"An Alertmanager. {_LATER}", examples=[{}])
    on_call: LaterChannel | None = Field(
        default=None, description=f"A rotation over other channels. {_LATER}", examples=[{}]
    )

    rules = (
        exactly_one_of(
            "webhook",
            "slack",
            "pagerDuty",
            "email",
            "teams",
            "alertmanager",
            "onCall",
            example="webhook: {url: https://hooks.example.com/incidents, secretRef: {name: …, key: …}}",
        ),
    )
