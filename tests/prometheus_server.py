"""A real Prometheus on loopback, and an exporter whose series a test sets.

A pytest plugin (see tests/conftest.py). Mark tests that use it with `@pytest.mark.prometheus`:

    def test_it(prometheus, exporter):               # one shared server, scraping the exporter every second
        exporter.set("http_requests_total", 10, code="200")
        prometheus.wait_for_value("sum(http_requests_total)", 10)

    def test_history(prometheus):                    # samples at any time in the past, at once
        prometheus.write("requests_total", {"job": "a"}, [(at, value), ...])
        prometheus.query("increase(requests_total[5m])", at=...)

    def test_outage(own_prometheus): own_prometheus.stop() ... .start()      # a server of one's own, to break

The series of the shared server outlive a test, so tests give theirs a name or a label of their own.
"""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
import requests

from tests.cluster.binaries import BinaryStore
from tests.cluster.catalogue import prometheus as component
from tests.cluster.errors import ClusterError
from tests.cluster.progress import Progress
from tests.remote_write import NativeHistogram, encode_write_request

T = TypeVar("T")

PATIENCE_SECONDS: Final = 120.0  # each takes moments, but the disk of a loaded machine can stall for half a minute
POLL_SECONDS: Final = 0.05


def prometheus_binary(name: str = "prometheus") -> Path:
    """Return `prometheus` (or `promtool`) of the test bed, which fetches or builds it where it is missing."""
    try:
        return BinaryStore().ensure(component(), Progress()) / name
    except ClusterError as exc:
        pytest.fail(f"no {name} to test with: {exc.report()}")


def wait_until(condition: Callable[[], T], what: str, *, seconds: float = PATIENCE_SECONDS) -> T:
    """Return the first true answer of `condition`; the test fails with `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s: {what} (last answer: {answer!r})")
        time.sleep(POLL_SECONDS)
    return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class PrometheusServer:
    """One Prometheus process with its own data folder. `stop` and `start` keep port and data."""

    def __init__(self, folder: Path, *, targets: Mapping[str, str] | None = None, scrape_interval: str = "1s") -> None:
        """`targets` maps job names to `host:port`; each is scraped at /metrics every `scrape_interval`."""
        self._folder = folder
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        configuration = {  # written as JSON, which is YAML as well
            "global": {
                "scrape_interval": scrape_interval,
                "scrape_timeout": scrape_interval,
                "scrape_native_histograms": True,
            },
            "storage": {"tsdb": {"out_of_order_time_window": "3650d", "retention": {"time": "100y"}}},
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in (targets or {}).items()
            ],
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "prometheus.yml").write_text(json.dumps(configuration), encoding="utf-8")
        self.log = folder / "prometheus.log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start, and return when it answers queries."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    prometheus_binary(),
                    f"--config.file={self._folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                    "--web.enable-lifecycle",
                    "--web.enable-remote-write-receiver",
                    "--scrape.discovery-reload-interval=100ms",  # else the first scrape comes after five seconds
                    "--log.level=warn",
                ],
                stdout=log,
                stderr=log,
            )
        wait_until(self._is_ready, f"Prometheus ready at {self.url}, log {self.log}", seconds=PATIENCE_SECONDS)

    def stop(self, *, how: signal.Signals = signal.SIGTERM) -> None:
        """End it cleanly, or with `signal.SIGKILL` as a crash would; nothing happens when it is not running."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def pause(self) -> None:
        """Freeze the process: connections are accepted by the kernel and never answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def query(self, expression: str, at: float | None = None) -> list[dict[str, Any]]:
        """Return `data.result` of an instant query, as Prometheus words it."""
        form = {"query": expression} | ({"time": f"{at:.3f}"} if at is not None else {})
        answer = requests.post(f"{self.url}/api/v1/query", data=form, timeout=PATIENCE_SECONDS)
        assert answer.ok, answer.text
        result: list[dict[str, Any]] = answer.json()["data"]["result"]
        return result

    def value(self, expression: str, at: float | None = None) -> float | None:
        """Return the value of the only series, None without any."""
        result = self.query(expression, at)
        assert len(result) <= 1, f"{expression} has {len(result)} series, one was expected: {result}"
        return float(result[0]["value"][1]) if result else None

    def wait_for_value(self, expression: str, expected: float, *, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until the only series of `expression` has exactly this value."""
        wait_until(lambda: self.value(expression) == expected, f"{expression} == {expected}", seconds=seconds)

    def write(
        self, name: str, labels: Mapping[str, str], samples: Iterable[tuple[float, float | NativeHistogram]]
    ) -> None:
        """Store samples (unix seconds, value or native histogram) of one series, at whatever time, and return when
        they can be queried. A series is best written oldest first; what lies before its newest sample is accepted too.
        """
        body = encode_write_request({"__name__": name, **labels}, samples)
        headers = {
            "Content-Encoding": "snappy",
            "Content-Type": "application/x-protobuf",
            "X-Prometheus-Remote-Write-Version": "0.1.0",
        }
        answer = requests.post(f"{self.url}/api/v1/write", data=body, headers=headers, timeout=PATIENCE_SECONDS)
        assert answer.ok, f"{answer.status_code}: {answer.text}"

    def load_history(self, openmetrics_text: str) -> None:
        """Store a file in OpenMetrics format (samples with times, `# EOF` last) as blocks; restarts the server."""
        text = self._folder / "history.om"
        text.write_text(openmetrics_text, encoding="utf-8")
        self.stop()
        subprocess.run(
            [prometheus_binary("promtool"), "tsdb", "create-blocks-from", "openmetrics", text, self._folder / "data"],
            check=True,
            capture_output=True,
        )
        self.start()

    def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            pytest.fail(f"Prometheus ended at once:\n{self.log.read_text(encoding='utf-8')[-2000:]}")
        try:
            return requests.get(f"{self.url}/-/ready", timeout=1).ok
        except requests.RequestException:
            return False


class Exporter:
    """A scrape target: what a test sets is what /metrics shows. Safe to call while it is scraped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        self._failing = False
        self._scrapes = 0
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = exporter._answer()
                self.send_response(status)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing: a scrape a second would bury the test's own output."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def target(self) -> str:
        """`host:port`, as a scrape configuration wants it."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def set(self, name: str, value: float, **labels: str) -> None:
        with self._lock:
            self._values[name, tuple(sorted(labels.items()))] = value

    def add(self, name: str, amount: float = 1.0, **labels: str) -> None:
        with self._lock:
            key = name, tuple(sorted(labels.items()))
            self._values[key] = self._values.get(key, 0.0) + amount

    def remove(self, name: str, **labels: str) -> None:
        with self._lock:
            del self._values[name, tuple(sorted(labels.items()))]

    def clear(self) -> None:
        """Forget all series and answer again."""
        with self._lock:
            self._values.clear()
            self._failing = False

    def fail(self, *, failing: bool = True) -> None:
        """Answer scrapes with 500, so that `up` is 0 and the series go stale."""
        with self._lock:
            self._failing = failing

    def wait_for_scrapes(self, count: int = 2) -> None:
        """Wait until `count` scrapes began after now; with two, what was set before is stored."""
        with self._lock:
            reached = self._scrapes + count
        wait_until(lambda: self._scrapes >= reached, f"{count} more scrapes of {self.target}")

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self) -> tuple[int, bytes]:
        with self._lock:
            self._scrapes += 1
            if self._failing:
                return 500, b"told to fail"
            return 200, "".join(_line(name, labels, value) for (name, labels), value in self._values.items()).encode()


def _line(name: str, labels: Sequence[tuple[str, str]], value: float) -> str:
    inside = ",".join(f'{key}="{_escape(text)}"' for key, text in labels)
    return f"{name}{{{inside}}} {value!r}\n"


def _escape(text: str) -> str:
    return re.sub(r'[\\"\n]', lambda found: {"\n": "\\n"}.get(found[0], "\\" + found[0]), text)


@pytest.fixture(scope="session")
def shared_exporter() -> Iterator[Exporter]:
    exporter = Exporter()
    yield exporter
    exporter.close()


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory, shared_exporter: Exporter) -> Iterator[PrometheusServer]:
    """The shared server; job `app` is `exporter`. Do not stop it: that is what `own_prometheus` is for."""
    folder = tmp_path_factory.mktemp("prometheus")
    server = PrometheusServer(folder, targets={"app": shared_exporter.target})
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def exporter(shared_exporter: Exporter, prometheus: PrometheusServer) -> Iterator[Exporter]:
    """The target that the shared server scrapes, empty at the start of a test."""
    shared_exporter.clear()
    yield shared_exporter
    shared_exporter.clear()


@pytest.fixture
def own_prometheus(tmp_path: Path) -> Iterator[PrometheusServer]:
    """A started server of the test's own, without targets: fed by `write`, free to be stopped, killed, paused."""
    server = PrometheusServer(tmp_path / "prometheus")
    try:
        server.start()
        yield server
    finally:
        if os.environ.get("KEEP_PROMETHEUS_LOG"):
            print(server.log.read_text(encoding="utf-8"))
        server.stop(how=signal.SIGKILL)
