"""Runs commands over the past of a source that is made of functions of time, without a server."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from backstop.api.configuration import Source
from backstop.cli.main import main
from backstop.engine.replay_time import ReplayClock
from backstop.vocabulary import API_VERSION
from tests.fakes.clock import START
from tests.fakes.counters import CounterSource, Cumulative

NOW = START.timestamp()  # 2026-03-01T12:00:00Z, by the source's clock
MINUTES, HOURS, DAY = 60, 3600, 86_400
URL = "http://prometheus.example:9090"


def rate(per_second: float) -> Cumulative:
    return lambda t: max(t - (NOW - 40 * DAY), 0.0) * per_second


def burst(start: float, end: float, per_second: float) -> Cumulative:
    """Return a counter that counts between two instants."""
    return lambda t: min(max(t - start, 0.0), end - start) * per_second


class Past:
    """What a command finds when it connects."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.source = CounterSource(ReplayClock(NOW))
        self.source.counters = {"requests_total": rate(10), "errors_total": rate(0.05)}
        self.source.close = _nothing  # type: ignore[method-assign]  # a test may connect again
        self.connected: list[Source] = []
        self.folder = folder
        monkeypatch.setattr("backstop.bootstrap.replay.connect", self._connect)

    def _connect(self, source: Source) -> CounterSource:
        self.connected.append(source)
        return self.source

    def write(self, *objects: dict[str, Any]) -> Path:
        file = self.folder / "slos.yaml"
        file.write_text(yaml.safe_dump_all(objects), encoding="utf-8")
        return file

    def run(self, command: str, *arguments: str | Path, stdin: str | None = None) -> Result:
        """Run a command on the file that was written, or on an SLO of its own."""
        file = self.folder / "slos.yaml"
        if not file.exists():
            self.write(an_slo())
        words = [command, "-f", str(file), "--source", URL, *map(str, arguments)]
        return CliRunner().invoke(main, words, input=stdin)


async def _nothing() -> None:
    pass


@pytest.fixture
def past(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Past:
    return Past(monkeypatch, tmp_path)


def an_slo(name: str = "checkout", **spec: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "target": 99,
        "windows": [{"name": "1h", "rolling": "1h"}],
        "indicator": {"ratio": {"bad": "errors_total", "total": "requests_total"}},
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "SLO",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": usual | spec,
    }


def schema_of(name: str) -> dict[str, Any]:
    """Return a committed schema in which nothing may stand that it does not name."""
    file = Path(__file__).parents[2] / "docs" / "reference" / f"{name}.schema.json"
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return strict(schema)


def strict(node: Any) -> Any:
    if isinstance(node, list):
        return [strict(each) for each in node]
    if not isinstance(node, dict):
        return node
    inner = {key: strict(value) for key, value in node.items()}
    return inner | {"additionalProperties": False} if isinstance(node.get("properties"), dict) else inner
