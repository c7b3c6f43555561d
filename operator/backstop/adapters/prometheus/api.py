"""prometheus-api-client, with the parts replaced that would hurt an operator.

The library gives the address, the session and the authentication. Its own calls are not used, because in 0.7 they send
a POST with the query in the address (too long for a large one), have no time limit, retry behind the caller's back,
replace the connection pool with one of ten, and drop warnings, infos and the type of the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Final

import requests
from prometheus_api_client import PrometheusConnect
from urllib3 import Retry

from backstop.adapters.prometheus.credentials import Credentials
from backstop.adapters.prometheus.transport import Call, Transport, read_body
from backstop.api.configuration import Source

MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024  # some 400,000 series of an instant answer
# The server gives up first, so that a slow query is reported by who knows why, and stops costing it anything.
SERVER_TIMEOUT_SHARE: Final = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back, whatever it is."""

    status: int
    body: bytes
    location: str | None  # of a redirect, which is not followed


class PrometheusApi(PrometheusConnect):  # type: ignore[misc]  # the library has no types
    """The HTTP API of one source, for worker threads."""

    def __init__(self, source: Source, *, max_answer_bytes: int = MAX_ANSWER_BYTES) -> None:
        super().__init__(
            url=source.url,
            auth=Credentials(source),
            session=_session(source),
            method="POST",
            retry=Retry(0, read=False),
        )
        # The constructor has mounted an adapter of its own under this address; ours takes its place.
        self._session.mount(self.url, Transport(concurrency=source.concurrency))
        self._max_answer_bytes = max_answer_bytes

    def post(self, endpoint: str, form: Mapping[str, str], call: Call) -> Reply:
        """Send a form to `/api/v1/<endpoint>` and return the reply. Raises whatever `requests` and `Call` raise."""
        with call.under_way():
            left = call.remaining()
            response = self._session.post(
                f"{self.url}/api/v1/{endpoint}",
                data={**form, "timeout": f"{left * SERVER_TIMEOUT_SHARE:.3f}"},
                auth=self.auth,
                timeout=left,
                stream=True,
                allow_redirects=False,
            )
            try:
                body = read_body(response, call, limit_bytes=self._max_answer_bytes)
            finally:
                response.close()
        return Reply(status=response.status_code, body=body, location=response.headers.get("Location"))


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002  the signature of the base class
        """Return None: a redirect is an answer. Even unfollowed, requests would read its whole body here, unbounded."""
        return None


def _session(source: Source) -> requests.Session:
    session = _Session()
    session.trust_env = False  # no proxy, netrc or CA bundle from the environment: the configuration says it all
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # a shared jar is no place for several threads
    tls = source.tls
    session.verify = False if tls.insecure_skip_verify else (tls.ca_file or True)
    session.cert = (tls.cert_file, tls.key_file) if tls.cert_file and tls.key_file else None
    return session
