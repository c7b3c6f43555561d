"""Who the watch is to the API server."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import kopf
import structlog

log = structlog.get_logger(__name__)

_PAUSE_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Where the server is and who we are. `token` comes without its scheme."""

    server: str
    insecure: bool = False
    ca_path: str | None = None
    certificate_path: str | None = None
    private_key_path: str | None = None
    token: str | None = None


Login = Callable[[], Awaitable[Credentials]]


def register_login(registry: kopf.OperatorRegistry, login: Login, over: threading.Event) -> None:
    """Make kopf use `login` at start and whenever the server takes the credentials no longer.

    It is tried until it succeeds or `over` is set. kopf's own logins are not used: they know neither exec plugins nor
    a chosen context, and both clients of one process should be the same user.
    """

    async def log_in(settings: kopf.OperatorSettings, **_: Any) -> kopf.ConnectionInfo:
        given = await _patiently(login, over)
        return kopf.ConnectionInfo(
            server=given.server,
            insecure=given.insecure,
            ca_path=given.ca_path,
            certificate_path=given.certificate_path,
            private_key_path=given.private_key_path,
            token=given.token,
            trust_env=settings.networking.trust_env,
        )

    kopf.on.login(registry=registry)(log_in)


async def _patiently(login: Login, over: threading.Event) -> Credentials:
    """Log in until it succeeds.

    A login that fails must not reach kopf: its task for credentials would end alone, everything else would wait for it
    for ever, and the watch could neither go on nor be stopped.
    """
    while not over.is_set():
        try:
            return await login()
        except Exception as problem:  # noqa: BLE001  see above; the caller's errors are of any kind
            log.warning("watch.login_failed", problem=str(problem), pause_seconds=_PAUSE_SECONDS)
            again_at = asyncio.get_running_loop().time() + _PAUSE_SECONDS
            # kopf does not cancel a login when it ends, so this has to look for itself.
            while not over.is_set() and asyncio.get_running_loop().time() < again_at:  # noqa: ASYNC110  a thread sets it
                await asyncio.sleep(_LOOK_SECONDS)
    raise kopf.PermanentError("the watch ended before it could log in")
