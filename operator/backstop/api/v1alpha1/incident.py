"""The Incident resource: what people write who open one. Its status, the record, is in `incident_status`."""

from typing import Annotated

from pydantic import Field

from backstop.api.field_types import Choice, ObjectName, ServiceName, Text
from backstop.api.rules import ApiModel
from backstop.domain.alert_policy import Severity

MAX_TITLE_LENGTH = 400


class IncidentSpec(ApiModel):
    """What is wrong, in the words of who opened it: a policy, or a person."""

    title: Annotated[str, Field(min_length=1, max_length=MAX_TITLE_LENGTH)] = Field(
        description="What is wrong, in a line.", examples=["Payments fail in the shop"]
    )
    severity: Annotated[Severity, Choice(Severity)] = Field(
        description="How bad it was when it was opened: P0 is the worst.", examples=["P1"]
    )
    policy: ObjectName | None = Field(
        default=None, description="The AlertPolicy that opened it; absent when a person did.", examples=["checkout"]
    )
    service: ServiceName | None = Field(
        default=None, description="The service that it is about.", examples=["checkout"]
    )
    description: Text | None = Field(
        default=None, description="More about it, in a few sentences.", examples=["Cards are refused since 14:00"]
    )
