"""The only way from a raw object to `backstop.domain.notification_channel.NotificationChannel`.

Whatever the object is, the outcome is a domain object or problems that name a path and a fix.
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from typing import Any, Final
from urllib.parse import urlsplit

from backstop.api.configuration import Notifications
from backstop.api.field_types import kind_of
from backstop.api.objects import Checked, combined, header_problems, identity_problems, name_problems, read_spec
from backstop.api.paths import Location
from backstop.api.problems import Problem
from backstop.api.v1alpha1.notification_channel import NotificationChannelSpec, WebhookChannel
from backstop.api.v1alpha1.notification_channel_unsupported import not_supported_yet, without_what_is_inside
from backstop.domain.duration import parse_duration
from backstop.domain.notification_channel import NotificationChannel, SecretKey, Webhook
from backstop.domain.outbound import Outbound
from backstop.domain.slo import Uid

KIND: Final = "NotificationChannel"
_LEAST: Final = "webhook: {url: https://hooks.example.com/incidents, secretRef: {name: …, key: …}}"
_MAX_HOST: Final = 253
_MAX_PORT: Final = 65_535


def check_channel(body: object) -> Checked[NotificationChannelSpec]:
    """Read a NotificationChannel as people write it. Raises nothing."""
    if not isinstance(body, Mapping):
        return Checked(spec=None, problems=(Problem(location=(), text=f"an object is a map, not {kind_of(body)}"),))
    problems = [*header_problems(body, kind=KIND), *name_problems(body.get("metadata"))]
    raw = body.get("spec")
    known = body if not isinstance(raw, Mapping) else {**body, "spec": without_what_is_inside(raw)}
    spec, found = read_spec(known, NotificationChannelSpec, least=_LEAST)
    problems += found
    if spec is not None:
        problems += not_supported_yet(spec, at=("spec",))
        problems += _url_problems(spec, at=("spec", "webhook", "url"))
    return Checked(spec=spec, problems=tuple(problems))


def to_channel(body: object) -> NotificationChannel:
    """Return the channel of an object as the API server holds it. Raises SpecError as `to_domain` does for an SLO."""
    checked = check_channel(body)
    problems = [*checked.problems, *identity_problems(body)]
    metadata = body.get("metadata") if isinstance(body, Mapping) else None
    webhook = None if checked.spec is None else checked.spec.webhook
    if webhook is None or problems or not isinstance(metadata, Mapping):
        raise combined(problems)
    return _channel(metadata, webhook)


def _url_problems(spec: NotificationChannelSpec, *, at: Location) -> Iterator[Problem]:
    """Yield what the pattern of the schema lets through."""
    if spec.webhook is None:
        return
    try:
        parts = urlsplit(spec.webhook.url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:  # a port above 65535
        port, host = _MAX_PORT + 1, ""
    if port is not None and port > _MAX_PORT:
        yield Problem(
            location=at, text=f"has a port above {_MAX_PORT}; write for example https://hooks.example.com:8443"
        )
    elif len(host) > _MAX_HOST or ".." in host or any(len(label) > 63 for label in host.split(".")):  # noqa: PLR2004  DNS
        yield Problem(location=at, text="has no valid host name; write for example https://hooks.example.com/incidents")


def _channel(metadata: Mapping[str, Any], webhook: WebhookChannel) -> NotificationChannel:
    parts = urlsplit(webhook.url)
    return NotificationChannel(
        uid=Uid(metadata["uid"]),
        namespace=metadata["namespace"],
        name=metadata["name"],
        generation=metadata["generation"],
        webhook=Webhook(
            url=webhook.url,
            host=parts.hostname or "",
            secure=parts.scheme == "https",
            signing_key=SecretKey(name=webhook.secret_ref.name, key=webhook.secret_ref.key),
            timeout_seconds=parse_duration(webhook.timeout),
            headers=dict(webhook.headers or {}),
        ),
    )


def to_outbound(notifications: Notifications) -> Outbound:
    """Return where messages may go, of a valid configuration."""
    return Outbound(
        https_hosts=notifications.allowed_hosts,
        http_hosts=notifications.allowed_hosts_without_tls,
        networks=tuple(ip_network(network) for network in notifications.allowed_networks),
    )
