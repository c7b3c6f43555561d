"""A shop's checkout, small but real: it answers requests, counts them, and can be told to fail or to be slow.

    POST /checkout   200, or 500 for the told share of requests, after the told latency for the told share
    GET  /control    how it behaves now; POST changes it: {"failureRatio": 0.5, "slowRatio": 1, "latencySeconds": 0.7}
    GET  /counters   what it did since it started, by its own count, for comparing with what monitoring says
    GET  /metrics    the same for Prometheus        GET /healthz

Shares are met exactly, by carrying the remainder from request to request, so that short tests have no luck in them.
"""

import asyncio
import json
import os
import time
from dataclasses import asdict, dataclass, field, replace

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, disable_created_metrics, generate_latest

SERVICE = "checkout"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # 0.5 is the bound that the example SLO uses
MAX_LATENCY_SECONDS = 30.0

REQUESTS = Counter("http_requests_total", "Requests answered.", ["service", "code", "method"])
SECONDS = Histogram("http_request_duration_seconds", "Time to answer.", ["service"], buckets=BUCKETS)


def answer_json(value: object, *, status: int = 200) -> web.Response:
    """Answer with a line of JSON: people read it in a terminal, too."""
    return web.json_response(value, status=status, dumps=lambda value: json.dumps(value) + "\n")


@dataclass(frozen=True)
class Control:
    """How the application behaves."""

    failureRatio: float = 0.0  # noqa: N815  (the names of the JSON fields)
    slowRatio: float = 1.0  # noqa: N815
    latencySeconds: float = 0.0  # noqa: N815

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            limit = MAX_LATENCY_SECONDS if name == "latencySeconds" else 1.0
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= limit:
                raise ValueError(f"{name} must be a number from 0 to {limit:g}, not {value!r}")


@dataclass
class Share:
    """Says yes to a given share of calls, evenly spread."""

    carried: float = 0.0

    def take(self, ratio: float) -> bool:
        self.carried += ratio
        if self.carried < 1 - 1e-9:  # 10 x 0.1 is a little less than 1
            return False
        self.carried -= 1
        return True


@dataclass
class Checkout:
    """The application: its behaviour now, and its own count of what it did."""

    control: Control = field(default_factory=Control)
    good: int = 0
    bad: int = 0
    fast: int = 0  # answered within 0.5 s
    slow: int = 0
    _failing: Share = field(default_factory=Share)
    _slowing: Share = field(default_factory=Share)

    async def answer(self, request: web.Request) -> web.Response:
        started = time.monotonic()
        control = self.control
        if control.latencySeconds and self._slowing.take(control.slowRatio):
            await asyncio.sleep(control.latencySeconds)
        failed = self._failing.take(control.failureRatio)
        code = 500 if failed else 200
        seconds = time.monotonic() - started
        REQUESTS.labels(service=SERVICE, code=str(code), method=request.method).inc()
        SECONDS.labels(service=SERVICE).observe(seconds)
        self.good, self.bad = self.good + (not failed), self.bad + failed
        self.fast, self.slow = self.fast + (seconds <= 0.5), self.slow + (seconds > 0.5)
        return answer_json({"paid": not failed, "color": os.environ.get("COLOR", "")}, status=code)

    async def show_control(self, _request: web.Request) -> web.Response:
        return answer_json(asdict(self.control))

    async def change_control(self, request: web.Request) -> web.Response:
        try:
            self.control = replace(self.control, **json.loads(await request.text()))
        except (ValueError, TypeError) as error:
            return answer_json({"error": str(error)}, status=400)
        return await self.show_control(request)

    async def counters(self, _request: web.Request) -> web.Response:
        counted = {"good": self.good, "bad": self.bad, "fast": self.fast, "slow": self.slow}
        return answer_json(counted | {"total": self.good + self.bad})


async def metrics(_request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def healthz(_request: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def application() -> web.Application:
    checkout = Checkout()
    app = web.Application()
    app.router.add_route("*", "/checkout", checkout.answer)
    app.router.add_get("/control", checkout.show_control)
    app.router.add_post("/control", checkout.change_control)
    app.router.add_get("/counters", checkout.counters)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/healthz", healthz)
    return app


if __name__ == "__main__":
    disable_created_metrics()  # a gauge beside each counter, which nobody here reads
    web.run_app(application(), host="0.0.0.0", port=8080, access_log=None, print=None)
