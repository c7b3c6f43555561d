"""Reads one entry of one Secret, by name (semantics K6).

Backstop has no right on Secrets. Whoever owns a namespace grants the one Secret that a channel needs; until then the
error has what to apply. Values are returned and kept nowhere: neither here nor in errors or logs.
"""

import base64
import binascii
import json
import re
from typing import Any, Final

from backstop.adapters.kubernetes.calls import SECRETS, ApiCall, Verb
from backstop.adapters.kubernetes.client import KubernetesClient
from backstop.adapters.kubernetes.errors import NotFound
from backstop.domain.errors import AccessDenied, SecretMissing
from backstop.domain.notification_channel import SecretKey

_USER: Final = re.compile(r'User "(?P<user>[^"]+)" cannot ')
_SERVICE_ACCOUNT: Final = re.compile(r"system:serviceaccount:(?P<namespace>[^:]+):(?P<name>[^:]+)")
_RBAC: Final = "rbac.authorization.k8s.io"
_MAX_ROLE_NAME: Final = 63
_SHORTEST: Final = 16  # bytes; a shorter key can be found by trying


class KubernetesSecretReader:
    """ports.notifier.SecretReader."""

    def __init__(self, client: KubernetesClient) -> None:
        self._client = client

    async def read_secret(self, namespace: str, key: SecretKey) -> bytes:
        """Return the value. See the port for the contract."""
        call = ApiCall(verb=Verb.GET, resource=SECRETS, namespace=namespace, name=key.name)
        try:
            found = await self._client.request(call)
        except NotFound:
            text = f"there is no Secret {key.name} in namespace {namespace}; create it with the key {key.key}"
            raise SecretMissing(text) from None
        except AccessDenied as denied:
            if (user := _USER.search(str(denied))) is None:
                raise  # a policy that says no has words of its own
            text = f"Backstop may not read Secret {key.name}; apply in namespace {namespace}: "
            raise AccessDenied(text + role_to_apply(namespace, key.name, user=user["user"])) from None
        return _value(found, namespace, key)


def role_to_apply(namespace: str, secret: str, *, user: str) -> str:
    """Return a List of Role and RoleBinding that lets `user` read one Secret, as JSON, which YAML includes."""
    metadata = {"name": f"backstop-reads-{secret}"[:_MAX_ROLE_NAME].rstrip("-."), "namespace": namespace}
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [secret], "verbs": ["get"]}
    account = _SERVICE_ACCOUNT.fullmatch(user)
    subject: dict[str, str] = {"kind": "User", "apiGroup": _RBAC, "name": user}
    if account is not None:
        subject = {"kind": "ServiceAccount", "name": account["name"], "namespace": account["namespace"]}
    role = {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": [rule]}
    binding = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": metadata["name"]},
        "subjects": [subject],
    }
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [role, binding]}, separators=(",", ":"))


def _value(secret: dict[str, Any], namespace: str, key: SecretKey) -> bytes:
    encoded = (secret.get("data") or {}).get(key.key)
    where = f"Secret {key.name} in namespace {namespace}"
    if not isinstance(encoded, str):
        raise SecretMissing(f"{where} has no key {key.key}; add it")
    try:
        value = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise SecretMissing(f"{where} has under {key.key} no base64; write it anew") from None
    if len(value) < _SHORTEST:
        raise SecretMissing(
            f"{where} has under {key.key} fewer than {_SHORTEST} bytes; write for example 32 random ones"
        )
    return value
