"""The only door to the Kubernetes API: bounded in time and connections, plain dicts in and out, errors of the domain.

The library's generated models are not used: they refuse unknown fields and validate answers, so that a newer server or
an odd object of somebody else would fail here. What is used is its configuration (service account, kubeconfig, exec
plugins, token refresh) and its transport. A client belongs to the event loop in which it was made.
"""

import asyncio
import json
import os
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
import structlog
import yaml
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from backstop.adapters.kubernetes.calls import ApiCall
from backstop.adapters.kubernetes.errors import error_of
from backstop.domain.errors import ClusterUnavailable, SpecError

log = structlog.get_logger(__name__)

JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
APPLY_PATCH: Final = "application/apply-patch+yaml"

_CONNECT_SECONDS: Final = 5.0
_UNAUTHORIZED: Final = 401


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSettings:
    """How to reach the API server.

    Without `kubeconfig` and `context`: the pod's service account if there is one, else $KUBECONFIG, else the file
    .kube/config in the home directory.
    `timeout_seconds` bounds every call, waiting for one of the `connections` included.
    """

    kubeconfig: Path | None = None
    context: str | None = None
    timeout_seconds: float = 10.0
    connections: int = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Where the server is and who we are, for another client library. Paths may be temporary files of this process."""

    server: str
    insecure: bool
    ca_path: str | None
    certificate_path: str | None
    private_key_path: str | None
    token: str | None  # without its scheme


class KubernetesClient:
    """Makes calls. Create it with `connect`, close it in the same loop."""

    def __init__(self, settings: ClientSettings, api: ApiClient) -> None:
        self._settings = settings
        self._api = api
        self._login = asyncio.Lock()
        self._logged_in_at = float("-inf")  # loop time of the last renewal
        self._retired: ApiClient | None = None

    @classmethod
    async def connect(cls, settings: ClientSettings) -> "KubernetesClient":
        """Read the credentials. No call is made yet. Raises SpecError when there are none or they cannot be read."""
        return cls(settings, await _log_in(settings))

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return str(self._api.configuration.host)

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()
        if self._retired is not None:
            await self._retired.close()

    async def request(
        self,
        call: ApiCall,
        *,
        body: Mapping[str, Any] | None = None,
        content_type: str = JSON,
        query: Sequence[tuple[str, str]] = (),
        timeout_seconds: float | None = None,
    ) -> dict[str, Any]:
        """Make one call and return the parsed answer. Nothing is retried, but expired credentials are read anew once.

        Raises AccessDenied, ClusterUnavailable, Conflict, and NotFound and Expired of this adapter.
        """
        limit = self._settings.timeout_seconds if timeout_seconds is None else timeout_seconds
        try:
            async with asyncio.timeout(limit):
                http_status, answer = await self._send(self._api, call, body, content_type, query, limit)
                if http_status == _UNAUTHORIZED:
                    api = await self._log_in_again(self._api)
                    http_status, answer = await self._send(api, call, body, content_type, query, limit)
        except TimeoutError as exc:
            raise ClusterUnavailable(f"{call}: no answer from {self.server} within {limit:g} s") from exc
        except (aiohttp.ClientError, ssl.SSLError, OSError, config.ConfigException, SpecError) as exc:
            raise ClusterUnavailable(f"{call}: {self.server}: {exc or type(exc).__name__}") from exc
        if not 200 <= http_status < 300:  # noqa: PLR2004  the class of an HTTP status
            raise error_of(call, http_status, answer)
        return _parsed(call, answer)

    async def connection(self) -> Connection:
        """Read the credentials anew and return them, with a fresh token where one is used. Raises SpecError.

        Shares nothing with the calls: another thread may ask in its own event loop.
        """
        api = await _log_in(self._settings)
        try:
            setup = api.configuration
            header = await setup.get_api_key_with_prefix("BearerToken", alias="authorization")
            return Connection(
                server=setup.host,
                insecure=not setup.verify_ssl,
                ca_path=setup.ssl_ca_cert,
                certificate_path=setup.cert_file,
                private_key_path=setup.key_file,
                token=header.split(" ", 1)[-1] if header else None,
            )
        finally:
            await api.close()

    async def _send(
        self,
        api: ApiClient,
        call: ApiCall,
        body: Mapping[str, Any] | None,
        content_type: str,
        query: Sequence[tuple[str, str]],
        limit: float,
    ) -> tuple[int, bytes]:
        method, url, headers, content, _ = await api.param_serialize(
            call.method,
            call.path,
            query_params=list(query),
            header_params={"Accept": JSON, "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
        )
        timeout = aiohttp.ClientTimeout(total=limit, sock_connect=_CONNECT_SECONDS)
        response = await api.call_api(method, url, header_params=headers, body=content, _request_timeout=timeout)
        return response.status, await response.read()

    async def _log_in_again(self, rejected: ApiClient) -> ApiClient:
        """Replace credentials that the server no longer takes. Calls that come together log in once.

        At most once per call timeout: a server that takes no credentials at all is not asked twice as often for that,
        and a client is closed only when no call can be under way in it any more.
        """
        async with self._login:
            now = asyncio.get_running_loop().time()
            if self._api is rejected and now - self._logged_in_at > self._settings.timeout_seconds:
                fresh = await _log_in(self._settings)
                log.info("cluster.login_renewed", server=self.server)
                if self._retired is not None:
                    await self._retired.close()
                self._api, self._retired, self._logged_in_at = fresh, rejected, now
            return self._api


async def _log_in(settings: ClientSettings) -> ApiClient:
    setup = Configuration()
    setup.connection_pool_maxsize = settings.connections
    setup.retries = None
    in_cluster = settings.kubeconfig is None and settings.context is None and _in_cluster()
    path = None if in_cluster else settings.kubeconfig or _default_kubeconfig()
    try:
        if in_cluster:
            config.load_incluster_config(client_configuration=setup)
        else:
            await config.load_kube_config(
                config_file=str(path), context=settings.context, client_configuration=setup, persist_config=False
            )
        api = ApiClient(setup)
    # A kubeconfig is written by people and by many tools; whatever is wrong with it must become one clear sentence.
    except (config.ConfigException, OSError, KeyError, TypeError, ValueError, AttributeError, yaml.YAMLError) as exc:
        what = "the pod's service account" if in_cluster else f"kubeconfig {path}"
        problem = " ".join(str(exc).split()) or type(exc).__name__
        raise SpecError(
            "kubeconfig", f"{what} cannot be used: {problem}; set KUBECONFIG or name a file and a context that work"
        ) from exc
    api.user_agent = "backstop"
    return api


def _in_cluster() -> bool:
    return "KUBERNETES_SERVICE_HOST" in os.environ and Path(config.incluster_config.SERVICE_TOKEN_FILENAME).exists()


def _default_kubeconfig() -> str:
    return os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")


def _parsed(call: ApiCall, answer: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(answer)
    except ValueError as exc:
        raise ClusterUnavailable(f"{call}: the answer is not JSON: is this the Kubernetes API?") from exc
    if not isinstance(parsed, dict):
        raise ClusterUnavailable(f"{call}: the answer is not an object: is this the Kubernetes API?")
    return parsed
