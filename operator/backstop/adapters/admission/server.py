"""The HTTPS server that the API server calls before it stores an object of ours.

It answers on every replica and needs neither the watch nor the leader: an object is judged by what it says. Bodies are
bounded, so is the work under way, and judging happens in threads: a hostile object costs its caller, and no evaluation.
What has no uid to answer to gets an HTTP error, which the API server treats by the failurePolicy: as a refusal.
"""

import asyncio
import ssl
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web

from backstop.engine.admission import Known, NotAReview, Request, answer, judge, read_request, too_slow
from backstop.ports.clock import Clock
from backstop.ports.webhook import KeyPair

log = structlog.get_logger(__name__)

PATH: Final = "/validate"
# The API server stores objects of up to 1.5 MiB, and a review holds the new one and the old one.
MAX_BODY_BYTES: Final = 4 * 2**20
# The API server waits for five seconds: for a place, for the body to arrive, and for the answer.
PLACE_SECONDS: Final = 1.0
READ_SECONDS: Final = 1.5
ANSWER_SECONDS: Final = 2.0
_PLACES: Final = 16  # so that bodies take 64 MiB at worst; who has no place yet has not sent his body
_THREADS: Final = 2


class AdmissionServer:
    """Listens from `start` to `close`; can answer once `serve` has given it a certificate.

    `known` is called in the loop, and what it returns is used in a thread: it must not change any more. `reviewed` is
    told of each review: allowed, refused, failed (by us) or busy.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        known: Callable[[], Known],
        clock: Clock,
        reviewed: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._host = host
        self._port = port
        self._known = known
        self._clock = clock
        self._reviewed = reviewed
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="admission")
        self._runner: web.AppRunner | None = None
        self._places = asyncio.Semaphore(_PLACES)
        self._certified = False

    async def start(self) -> int:
        """Listen; return the port, which the system chose if 0 was asked for. Raises OSError when it is taken."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.add_routes([web.post(PATH, self._answer)])
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, ssl_context=self._tls)
        await site.start()
        return int(self._runner.addresses[0][1])

    def serve(self, pair: KeyPair) -> None:
        """Use this pair for new connections; those that are open go on. Raises ValueError when it cannot be used."""
        # The standard library loads keys from files only; nobody else can read this folder, and it is gone at once.
        with tempfile.TemporaryDirectory(prefix="backstop-tls-") as folder:
            path = Path(folder) / "pair.pem"
            path.touch(mode=0o600)
            path.write_bytes(pair.certificate + b"\n" + pair.key)
            try:
                self._tls.load_cert_chain(path)
            except ssl.SSLError as problem:
                raise ValueError(f"the certificate cannot be used: {problem.reason}") from problem
        self._certified = True

    def problem(self) -> str | None:
        """Return why the API server would get no answer here; None when it would get one."""
        if self._runner is None or not self._runner.sites:
            return "the admission webhook does not listen yet"
        return None if self._certified else "the admission webhook has no certificate yet"

    async def close(self) -> None:
        """Stop listening and end open requests."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _answer(self, call: web.Request) -> web.StreamResponse:
        try:
            async with asyncio.timeout(PLACE_SECONDS):
                await self._places.acquire()
        except TimeoutError:
            self._reviewed("busy")
            log.warning("admission.busy", caller=call.remote)
            raise web.HTTPServiceUnavailable(text="Backstop judges as many objects as it can; try again\n") from None
        try:
            async with asyncio.timeout(READ_SECONDS):
                text = await call.read()  # more than MAX_BODY_BYTES is answered with 413
            return await self._judged(text)
        except TimeoutError:
            raise web.HTTPRequestTimeout(text="the review took too long to arrive or to be read\n") from None
        except NotAReview as problem:
            log.warning("admission.no_review", problem=str(problem), caller=call.remote)
            raise web.HTTPBadRequest(text=f"{problem}\n") from None
        finally:
            self._places.release()

    async def _judged(self, text: bytes) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        known, now = self._known(), self._clock.now()
        request: Request | None = None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                request = await loop.run_in_executor(self._threads, read_request, text)
                verdict = await loop.run_in_executor(self._threads, lambda: judge(request, known, now=now))
        except TimeoutError:
            if request is None:
                raise
            verdict = too_slow(request, ANSWER_SECONDS)
        self._reviewed(verdict.outcome)
        if verdict.refusal is not None:
            problem = verdict.refusal.message
            log.info("admission.refused", object=request.subject, user=request.user, problem=problem)
        return web.json_response(answer(request, verdict))
