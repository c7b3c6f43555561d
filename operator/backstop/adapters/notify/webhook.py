"""Sends messages to HTTP addresses that tenants choose: ports.notifier.Notifier for channels of kind webhook.

What it does not do, because the address is foreign: follow redirects, use proxies of the environment, keep connections
or cookies, or read the answer beyond its header, whose size aiohttp bounds. No text of an answer and no part of the URL
but its host gets into a message of ours: statuses are read by more people than the channel is.
"""

import asyncio
import ssl
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from typing import Final

import aiohttp
import structlog
from yarl import URL

from backstop.adapters.notify.hosts import AddressRefused, PinnedResolver, Resolve, SystemResolver, allowed_addresses
from backstop.adapters.notify.signature import signature
from backstop.api.v1alpha1.notification_channel import DELIVERY_HEADER, SIGNATURE_HEADER
from backstop.domain.errors import AccessDenied, ClusterUnavailable, SecretMissing
from backstop.domain.notification import Attempt, Outcome, attempt_of_answer
from backstop.domain.notification_channel import NotificationChannel, Webhook
from backstop.domain.outbound import Address, Outbound
from backstop.ports.clock import Clock
from backstop.ports.notifier import Message, SecretReader
from backstop.vocabulary import ChannelReason, Reason

log = structlog.get_logger(__name__)

_CONNECT_SECONDS: Final = 5.0  # per address, within the channel's timeout
_USER_AGENT: Final = f"backstop/{version('backstop')}"


class WebhookNotifier:
    """Makes one attempt at a time; every attempt has a connection of its own."""

    def __init__(
        self,
        secrets: SecretReader,
        *,
        outbound: Callable[[], Outbound],
        clock: Clock,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._secrets = secrets
        self._outbound = outbound  # asked each time: the configuration may change
        self._clock = clock
        self._resolve = resolve or SystemResolver()
        self._tls = tls or ssl.create_default_context()

    async def send(self, channel: NotificationChannel, message: Message) -> Attempt:
        """Try once. See the port for the contract."""
        webhook = channel.webhook
        problem = self._outbound().host_problem(webhook.host, secure=webhook.secure)
        if problem is not None:
            return _not_now(ChannelReason.HOST_NOT_ALLOWED, problem)
        try:
            key = await self._secrets.read_secret(channel.namespace, webhook.signing_key)
        except SecretMissing as missing:
            return _not_now(ChannelReason.KEY_MISSING, str(missing))
        except AccessDenied as denied:
            return _not_now(Reason.FORBIDDEN, str(denied))
        except ClusterUnavailable as away:
            return _not_now(ChannelReason.KEY_UNREADABLE, str(away))
        headers = self._headers(webhook, message, key)
        try:
            async with asyncio.timeout(webhook.timeout_seconds):
                return await self._post(webhook, message.body, headers)
        except TimeoutError:
            text = f"{webhook.host} did not answer within {webhook.timeout_seconds:g} s"
            return _not_now(ChannelReason.NO_ANSWER_IN_TIME, text)

    def _headers(self, webhook: Webhook, message: Message, key: bytes) -> dict[str, str]:
        return {
            **webhook.headers,
            "Content-Type": "application/json",
            "User-Agent": _USER_AGENT,
            DELIVERY_HEADER: message.id,
            SIGNATURE_HEADER: signature(key, message.body, at=int(self._clock.now().timestamp())),
        }

    async def _post(self, webhook: Webhook, body: bytes, headers: dict[str, str]) -> Attempt:
        url = URL(webhook.url)
        host, port = url.raw_host, url.port
        if host is None or port is None or host != webhook.host:  # two parsers must not see two hosts
            return _not_now(ChannelReason.HOST_NOT_ALLOWED, "the host in spec.webhook.url can be read in two ways")
        try:
            addresses = await allowed_addresses(host, port, self._outbound(), self._resolve)
        except AddressRefused as refused:
            return _not_now(ChannelReason.ADDRESS_NOT_ALLOWED, str(refused))
        except (OSError, UnicodeError):
            return _not_now(ChannelReason.NAME_NOT_FOUND, f"the name {host} cannot be resolved")
        try:
            return await self._exchange(url, host, addresses, body, headers)
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError) as distrust:
            return _not_now(ChannelReason.NOT_TRUSTED, f"{host}: {_of_certificate(distrust)}")
        except (aiohttp.ClientError, OSError, ValueError) as broken:
            # Its text may hold the URL or what the receiver wrote: only its kind is told.
            return _not_now(ChannelReason.NOT_CONNECTED, f"{host}: {_CAUSES.get(type(broken), type(broken).__name__)}")

    async def _exchange(
        self, url: URL, host: str, addresses: list[Address], body: bytes, headers: dict[str, str]
    ) -> Attempt:
        connector = aiohttp.TCPConnector(
            resolver=PinnedResolver(host, addresses), use_dns_cache=False, force_close=True, ssl=self._tls, limit=1
        )
        async with (
            aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),  # the caller bounds it all
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            ) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            asked = _seconds(answer.headers.get("Retry-After"), now=self._clock.now().timestamp())
            attempt = attempt_of_answer(answer.status, retry_after_seconds=asked)
            answer.close()  # what else it has to say is not read
            return attempt


def _not_now(reason: ChannelReason | Reason, message: str) -> Attempt:
    return Attempt(outcome=Outcome.NOT_NOW, reason=reason, message=message)


_CAUSES: Final[dict[type[BaseException], str]] = {
    aiohttp.ServerDisconnectedError: "the connection was closed before an answer came",
    aiohttp.ClientConnectorError: "no connection",
    aiohttp.ClientOSError: "the connection broke before an answer came",
    aiohttp.ClientResponseError: "the answer is not HTTP",
    aiohttp.ConnectionTimeoutError: f"no connection within {_CONNECT_SECONDS:g} s",
}


def _of_certificate(error: Exception) -> str:
    """Return what is wrong with a certificate, in the words of the TLS library; they hold names and no secrets."""
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
    verification = getattr(cause, "verify_message", None)
    return f"its certificate is not trusted: {verification}" if verification else "no TLS connection"


def _seconds(value: str | None, *, now: float) -> float | None:
    """Return how long a Retry-After header asks to wait: seconds, or a date (RFC 9110 section 10.2.3)."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, OverflowError):
        return None  # not a date either: our own delay holds
