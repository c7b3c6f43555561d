"""The status of a NotificationChannel: `engine/channel_status.py` builds it; this is its schema and its reference."""

from typing import Annotated

from pydantic import Field

from backstop.api.field_types import Choice, UniqueBy
from backstop.api.rules import ApiModel
from backstop.api.v1alpha1.slo_status import Instant, Message, Reason, StatusCondition
from backstop.vocabulary import ChannelReason, ChannelState

_SENT_AT = "2026-12-05T02:00:03.120Z"


class NotificationChannelStatus(ApiModel):
    """What the operator knows of a NotificationChannel. Written by the operator alone."""

    observed_generation: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="The generation of the object that the status speaks of.", examples=[3]
    )
    state: Annotated[ChannelState, Choice(ChannelState)] | None = Field(
        default=None, description="Ready, Failing or Refused.", examples=["Ready"]
    )
    reason: Reason | None = Field(
        default=None,
        description="The reason of condition Ready, or of Delivering while it is Failing.",
        examples=[str(ChannelReason.USABLE)],
    )
    message: Message | None = Field(
        default=None, description="The same in words.", examples=["messages go to hooks.example.com"]
    )
    sent: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="How many messages the receiver took.", examples=[12]
    )
    failed: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="How many messages were not delivered: refused by the receiver, or given up after a day.",
        examples=[0],
    )
    last_sent_at: Instant | None = Field(
        default=None, description="When the receiver took the newest of them.", examples=[_SENT_AT]
    )
    last_error: Message | None = Field(
        default=None,
        description="What went wrong last; it stays when messages go out again.",
        examples=["the receiver answered 503"],
    )
    last_error_at: Instant | None = Field(default=None, description="When that was.", examples=[_SENT_AT])
    conditions: Annotated[list[StatusCondition], Field(max_length=16), UniqueBy("type")] | None = Field(
        default=None,
        description="Ready: messages can be sent. Delivering: the receiver takes them.",
        examples=[
            [
                {
                    "type": "Delivering",
                    "status": "True",
                    "reason": str(ChannelReason.DELIVERED),
                    "message": "the receiver answered 200",
                    "lastTransitionTime": "2026-12-05T02:00:03Z",
                }
            ]
        ],
    )
