"""The two objects that make the admission webhook reachable: the Secret with its certificate, and its configuration.

The chart makes both, the Secret empty and the configuration without a caBundle; here they are only filled. So the
operator needs no right to create either, and a name bounds what it may read and write.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any, Final

from backstop.adapters.kubernetes.calls import SECRETS, WEBHOOK_CONFIGURATIONS, ApiCall, Verb
from backstop.adapters.kubernetes.client import KubernetesClient
from backstop.adapters.kubernetes.errors import NotFound
from backstop.domain.errors import ClusterUnavailable
from backstop.ports.webhook import KeyPair, Stored
from backstop.vocabulary import WEBHOOK_TLS

_CERTIFICATE: Final = "tls.crt"
_KEY: Final = "tls.key"
_AUTHORITIES: Final = "ca.crt"
_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?")


class KubernetesWebhookStore:
    """ports.webhook.WebhookStore. `configuration` is the name of the ValidatingWebhookConfiguration."""

    def __init__(self, client: KubernetesClient, *, namespace: str, configuration: str) -> None:
        self._client = client
        self._namespace = namespace
        self._configuration = configuration

    async def read(self) -> Stored:
        """Return what the Secret holds; what cannot be read in it counts as not there."""
        return _stored(await self._get(self._secret(Verb.GET)))

    async def write(self, pair: KeyPair, authorities: tuple[bytes, ...], *, version: str) -> Stored:
        """Replace the certificate in the Secret; whatever else it has goes."""
        data = {_CERTIFICATE: pair.certificate, _KEY: pair.key, _AUTHORITIES: b"".join(authorities)}
        now = await self._get(self._secret(Verb.GET))  # for what the chart wrote about it: labels and type
        metadata = {**now["metadata"], "resourceVersion": version}
        body = {**now, "metadata": metadata, "data": {key: _encoded(value) for key, value in data.items()}}
        return _stored(await self._client.request(self._secret(Verb.UPDATE), body=body))

    async def trust(self, authorities: tuple[bytes, ...]) -> bool:
        """Put the authorities into every webhook of the configuration that lacks one of them."""
        found = await self._get(self._webhooks(Verb.GET))
        hooks = found.get("webhooks") or []
        if all(set(authorities) <= set(_authorities(_bundle(hook))) for hook in hooks):
            return False
        bundle = _encoded(b"".join(authorities))
        changed = [{**hook, "clientConfig": {**hook["clientConfig"], "caBundle": bundle}} for hook in hooks]
        await self._client.request(self._webhooks(Verb.UPDATE), body={**found, "webhooks": changed})
        return True

    async def _get(self, call: ApiCall) -> dict[str, Any]:
        try:
            return await self._client.request(call)
        except NotFound as missing:
            raise ClusterUnavailable(f"{missing}; the chart makes it: run helm upgrade again") from missing

    def _secret(self, verb: Verb) -> ApiCall:
        return ApiCall(verb=verb, resource=SECRETS, namespace=self._namespace, name=WEBHOOK_TLS)

    def _webhooks(self, verb: Verb) -> ApiCall:
        return ApiCall(verb=verb, resource=WEBHOOK_CONFIGURATIONS, name=self._configuration)


def _stored(secret: Mapping[str, Any]) -> Stored:
    data = {key: _decoded(value) for key, value in (secret.get("data") or {}).items()}
    authorities = _authorities(data.get(_AUTHORITIES, b""))
    certificate, key = data.get(_CERTIFICATE, b""), data.get(_KEY, b"")
    whole = certificate and key and authorities
    pair = KeyPair(certificate=certificate, key=key, authority=authorities[0]) if whole else None
    return Stored(version=secret["metadata"]["resourceVersion"], pair=pair, authorities=authorities)


def _authorities(bundle: bytes) -> tuple[bytes, ...]:
    return tuple(found.strip() + b"\n" for found in _PEM.findall(bundle))


def _bundle(hook: Mapping[str, Any]) -> bytes:
    return _decoded(hook["clientConfig"].get("caBundle") or "")


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        return b""


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()
