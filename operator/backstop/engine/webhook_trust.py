"""Keeps the webhook answerable: a certificate in the Secret, trusted by the API server, in use in this replica.

Every replica runs this. Only the leader replaces a certificate that still works; where there is none that works,
whoever notices first makes one, or a new version could not start beside an old leader that knows nothing of webhooks. A
write names the version that was read, so of two at once one loses and takes what the other wrote.

RACE: the API server must trust a new authority before any replica shows a certificate of it, and an old one as long as
any replica may still show one of that.
DEFENCE: the new authority is trusted first, beside the old one, then there is a pause, and only then others can read
the certificate. The old authority stays trusted until the next change; its key is nowhere, so that costs nothing.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final

import structlog

from backstop.domain.errors import AccessDenied, ClusterUnavailable, Conflict
from backstop.domain.webhook_certificate import Need, need
from backstop.ports.clock import Clock
from backstop.ports.cluster import Leadership
from backstop.ports.webhook import Issuer, KeyPair, Stored, WebhookServer, WebhookStore

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 30.0  # how long a change of the Secret, or a lost caBundle, may go unnoticed
RETRY_SECONDS: Final = 5.0
SETTLE_SECONDS: Final = 15.0  # API servers take a changed configuration within seconds


class WebhookTrust:
    """Run it in every replica. `in_use_until` is told when the certificate that is shown ends."""

    def __init__(
        self,
        *,
        store: WebhookStore,
        issuer: Issuer,
        server: WebhookServer,
        clock: Clock,
        leadership: Leadership,
        names: Collection[str],
        in_use_until: Callable[[datetime], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._issuer = issuer
        self._server = server
        self._clock = clock
        self._leadership = leadership
        self._names = frozenset(names)
        self._in_use_until = in_use_until
        self._serving: KeyPair | None = None

    async def run(self) -> None:
        """Look, act and rest until cancelled."""
        while True:
            await self._clock.sleep(await self._turn())

    async def _turn(self) -> float:
        """Return the seconds until the next turn."""
        try:
            stored = await self._certified(await self._store.read())
        except Conflict:
            return 0.0  # somebody else has made one: take that
        except (AccessDenied, ClusterUnavailable) as problem:
            log.warning("webhook.no_certificate", problem=str(problem), serving=self._serving is not None)
            return RETRY_SECONDS
        trusted = await self._trusted(stored)
        self._serve(stored)
        return LOOK_SECONDS if trusted else RETRY_SECONDS

    async def _certified(self, stored: Stored) -> Stored:
        """Return the Secret with a certificate that works, a new one where there is need."""
        known = self._issuer.read(stored.pair) if stored.pair is not None else None
        wanted = need(known, self._names, now=self._clock.now())
        if wanted is Need.NONE or not (wanted.urgent or self._leadership.is_leader()):
            return stored
        pair = self._issuer.issue(self._names, now=self._clock.now())
        authorities = (pair.authority, *stored.authorities[:1])
        if not wanted.urgent:
            await self._store.trust(authorities)
            await self._clock.sleep(SETTLE_SECONDS)
        written = await self._store.write(pair, authorities, version=stored.version)
        log.info("webhook.certificate_made", why=str(wanted), names=sorted(self._names))
        return written

    async def _trusted(self, stored: Stored) -> bool:
        try:
            if await self._store.trust(stored.authorities):
                log.info("webhook.trusted")
        except (AccessDenied, ClusterUnavailable, Conflict) as problem:
            log.warning("webhook.not_trusted", problem=str(problem))
            return False
        return True

    def _serve(self, stored: Stored) -> None:
        if stored.pair is None or stored.pair == self._serving:
            return
        try:
            self._server.serve(stored.pair)
        except ValueError as problem:
            log.error("webhook.certificate_unusable", problem=str(problem))  # noqa: TRY400  the text says it all
            return
        self._serving = stored.pair
        if (known := self._issuer.read(stored.pair)) is not None:
            self._in_use_until(known.not_after)
        log.info("webhook.serving")
