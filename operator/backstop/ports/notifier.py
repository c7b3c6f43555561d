"""Telling people: sending a message to a channel, and reading the one secret that this takes."""

from dataclasses import dataclass
from typing import Protocol

from backstop.domain.notification import Attempt
from backstop.domain.notification_channel import NotificationChannel, SecretKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent. `id` is the same in every attempt."""

    id: str
    body: bytes  # JSON


class Notifier(Protocol):
    """Sends messages."""

    async def send(self, channel: NotificationChannel, message: Message) -> Attempt:
        """Try once, within the channel's timeout, and tell how it went. What goes wrong is an answer, not an error."""
        ...


class SecretReader(Protocol):
    """Reads single entries of Secrets by name (semantics K6). Nothing is kept: a rotated key is used at once."""

    async def read_secret(self, namespace: str, key: SecretKey) -> bytes:
        """Return the value.

        Raises SecretMissing, AccessDenied (the message prints the Role to apply) or ClusterUnavailable.
        """
        ...
