"""Puts the admission webhook together, where the configuration asks for it."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from backstop.adapters.admission.issuing import CertificateIssuer
from backstop.adapters.admission.server import AdmissionServer
from backstop.adapters.kubernetes.client import KubernetesClient
from backstop.adapters.kubernetes.webhook_store import KubernetesWebhookStore
from backstop.adapters.telemetry.prometheus import PrometheusTelemetry
from backstop.api.configuration import Admission
from backstop.engine.admission import Known
from backstop.engine.webhook_trust import WebhookTrust
from backstop.ports.clock import Clock
from backstop.ports.cluster import Leadership

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionWebhook:
    """The server, and what keeps it trusted. It is closed last: until then the API server may still call."""

    server: AdmissionServer
    trust: WebhookTrust

    async def run(self) -> None:
        """Listen, and keep the certificate, until cancelled. Raises OSError when the port is taken."""
        log.info("admission.listening", port=await self.server.start())
        await self.trust.run()


def admission_webhook(
    config: Admission,
    client: KubernetesClient,
    *,
    namespace: str,
    clock: Clock,
    leadership: Leadership,
    known: Callable[[], Known],
    telemetry: PrometheusTelemetry,
) -> AdmissionWebhook | None:
    """Return the webhook, None where it is not enabled. `namespace` is that of its Secret."""
    if not config.enabled:
        return None
    server = AdmissionServer(host=config.host, port=config.port, known=known, clock=clock, reviewed=telemetry.reviewed)
    store = KubernetesWebhookStore(client, namespace=namespace, configuration=config.configuration)
    trust = WebhookTrust(
        store=store,
        issuer=CertificateIssuer(),
        server=server,
        clock=clock,
        leadership=leadership,
        names=config.names,
        in_use_until=telemetry.webhook_certificate,
    )
    return AdmissionWebhook(server=server, trust=trust)
