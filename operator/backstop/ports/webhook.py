"""What the engine needs so that the API server can call us: certificates, where they are kept, and who is told."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from backstop.domain.webhook_certificate import Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A certificate with its key, and the authority that signed it; all as PEM.

    The authority's own key is nowhere: it signed one certificate and was forgotten.
    """

    certificate: bytes
    key: bytes
    authority: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The Secret as read. `pair` is None while it holds none; `authorities` are all that are trusted, newest first."""

    version: str
    pair: KeyPair | None
    authorities: tuple[bytes, ...] = ()


class Issuer(Protocol):
    """Makes and reads certificates."""

    def issue(self, names: Collection[str], *, now: datetime) -> KeyPair:
        """Return a new pair for these names, signed by an authority of its own."""
        ...

    def read(self, pair: KeyPair) -> Certificate | None:
        """Return what a pair says; None when it cannot be read or its parts do not belong together."""
        ...


class WebhookStore(Protocol):
    """The Secret and the configuration of the webhook, in the cluster."""

    async def read(self) -> Stored:
        """Raises AccessDenied, or ClusterUnavailable, also where there is no such Secret: the chart makes it."""
        ...

    async def write(self, pair: KeyPair, authorities: tuple[bytes, ...], *, version: str) -> Stored:
        """Replace what was read as `version`. Raises Conflict besides."""
        ...

    async def trust(self, authorities: tuple[bytes, ...]) -> bool:
        """Have the API server trust these authorities, if it does not trust all of them; return whether that was news.

        Where it does, others that it trusts stay. Same errors as `write`.
        """
        ...


class WebhookServer(Protocol):
    """Who answers."""

    def serve(self, pair: KeyPair) -> None:
        """Use this pair for new connections; those that are open go on. Raises ValueError when it cannot be used."""
        ...
