"""Where incidents are told. Data only; `api/to_channel.py` makes it from what people write."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from backstop.domain.slo import Uid


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretKey:
    """One entry of a Secret in the channel's own namespace."""

    name: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An HTTP address that takes messages as JSON. `host` and `secure` say what of `url` an administrator judges."""

    url: str
    host: str  # lower case, without a port
    secure: bool  # https
    signing_key: SecretKey
    timeout_seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationChannel:
    """A valid channel."""

    uid: Uid
    namespace: str
    name: str
    generation: int
    webhook: Webhook

    @property
    def key(self) -> str:
        """`namespace/name`, as people and messages call it."""
        return f"{self.namespace}/{self.name}"
