"""Puts alerting together: the records of incidents, the channels, and who sends to them."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from backstop.adapters.kubernetes.client import KubernetesClient
from backstop.adapters.kubernetes.node_reader import KubernetesNodeReader
from backstop.adapters.kubernetes.records import KubernetesIncidents
from backstop.adapters.kubernetes.run_reader import KubernetesRunReader
from backstop.adapters.kubernetes.secrets import KubernetesSecretReader
from backstop.adapters.notify.webhook import WebhookNotifier
from backstop.api.configuration import Configuration
from backstop.api.to_channel import KIND as CHANNEL
from backstop.api.to_channel import to_outbound
from backstop.api.to_incident import KIND as INCIDENT
from backstop.domain.leadership import FencingToken
from backstop.domain.outbound import Outbound
from backstop.engine.alerts import Alerting
from backstop.engine.channels import NotificationChannels
from backstop.engine.follower import Follower
from backstop.engine.incidents import Incidents
from backstop.engine.outbox import Outbox
from backstop.engine.publisher import StatusPublisher
from backstop.ports.clock import Clock
from backstop.ports.cluster import Leadership
from backstop.ports.telemetry import Telemetry

# Of a process that is alone by configuration: it never writes beside another one.
ALONE: Final = FencingToken(lease_uid="", transitions=0, identity="alone")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertingParts:
    """What the engine takes (`alerting`, `followers`), and who sends."""

    alerting: Alerting
    followers: Mapping[str, Follower]
    outbox: Outbox


def build_alerting(
    client: KubernetesClient,
    config: Callable[[], Configuration],
    *,
    clock: Clock,
    leadership: Leadership,
    token: Callable[[], FencingToken | None],
    publisher: StatusPublisher,
    telemetry: Telemetry,
) -> AlertingParts:
    """Return alerting as it works on a cluster. `config` is asked each time: where messages may go can change."""
    incidents = Incidents(
        clock=clock,
        store=KubernetesIncidents(client, namespaces=config().watch.namespaces),
        token=token,
        telemetry=telemetry,
    )
    secrets = KubernetesSecretReader(client)

    def outbound() -> Outbound:
        return to_outbound(config().notifications)

    channels = NotificationChannels(
        clock=clock,
        publisher=publisher,
        leadership=leadership,
        secrets=secrets,
        outbound=outbound,
        changed=lambda namespace, name: outbox.hasten(namespace, name),  # noqa: PLW0108  it is made below
    )
    outbox = Outbox(
        clock=clock,
        leadership=leadership,
        notifier=WebhookNotifier(secrets, outbound=outbound, clock=clock),
        find=channels.get,
        record=incidents.record,
        attempted=channels.attempted,
        telemetry=telemetry,
        draw=random.Random().random,  # noqa: S311  spreads retries; nothing secret is drawn
    )
    incidents.outbox = outbox
    return AlertingParts(
        alerting=Alerting(
            incidents=incidents, nodes=KubernetesNodeReader(client), runs=KubernetesRunReader(client, clock=clock)
        ),
        followers={INCIDENT: incidents, CHANNEL: channels},
        outbox=outbox,
    )
