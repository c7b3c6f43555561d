"""Replay and evaluate over a real Prometheus, held to what was written into it."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from click.testing import CliRunner, Result
from werkzeug import Response

from backstop.cli.main import main
from tests.cli.past import an_slo, schema_of
from tests.prometheus_server import PrometheusServer, free_port

MINUTE, HOUR, DAY = 60, 3600, 86_400
JOB = "replayed"


def run(command: str, url: str, *arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [command, "--source", url, *map(str, arguments)])


@dataclass(frozen=True)
class Story:
    """Three days of a service that is scraped each minute: trouble, a restart, and two hours that nobody watched."""

    end: int

    @property
    def start(self) -> int:
        return self.end - 3 * DAY

    @property
    def trouble(self) -> range:
        return range(self.end - 40 * HOUR, self.end - 40 * HOUR + 25 * MINUTE)

    @property
    def restart(self) -> int:
        return self.end - 30 * HOUR

    @property
    def silence(self) -> range:
        return range(self.end - 20 * HOUR, self.end - 18 * HOUR)

    def good_and_bad(self, at: int) -> tuple[float, float]:
        """Return the events of the minute that ends at `at`."""
        traffic = 600.0 if (self.end - at) // HOUR % 24 >= 12 else 60.0
        bad = traffic / 10 if at in self.trouble else traffic / 1000
        return traffic - bad, bad

    def write(self, server: PrometheusServer) -> None:
        """Store it. The process starts anew at the restart, and so do its counters."""
        stored: dict[str, list[tuple[float, float]]] = {"good": [], "bad": [], "up": []}
        totals = {"good": 1000.0, "bad": 10.0}
        for at in range(self.start, self.end + 1, MINUTE):
            if at == self.restart:
                totals = {"good": 0.0, "bad": 0.0}
            for name, events in zip(("good", "bad"), self.good_and_bad(at), strict=True):
                totals[name] += events
                if at not in self.silence:
                    stored[name].append((at, totals[name]))
            if at not in self.silence:
                stored["up"].append((at, 1.0))
        target = {"job": JOB, "instance": "a"}
        server.write("up", target, stored["up"])
        for name, code in (("good", "200"), ("bad", "500")):
            server.write("replayed_requests_total", target | {"code": code}, stored[name])

    def counted(self, start: float, end: float) -> tuple[float, float]:
        """Return the good and bad events between two instants that somebody saw."""
        seen = [
            self.good_and_bad(at)
            for at in range(self.start + MINUTE, self.end + 1, MINUTE)
            if start < at <= end and at not in self.silence and at - MINUTE not in self.silence
        ]
        return sum(good for good, _ in seen), sum(bad for _, bad in seen)


@pytest.fixture(scope="module")
def story(prometheus: PrometheusServer) -> Story:
    written = Story(end=int(time.time()) // HOUR * HOUR - HOUR)
    written.write(prometheus)
    return written


@pytest.fixture
def file(tmp_path: Path) -> Path:
    slo = an_slo(
        windows=[{"name": "1d", "rolling": "1d"}, {"name": "1h", "rolling": "1h"}],
        target=99.5,
        indicator={
            "ratio": {
                "bad": f'replayed_requests_total{{job="{JOB}",code="500"}}',
                "total": f'replayed_requests_total{{job="{JOB}"}}',
            }
        },
        evaluation={"staleAfter": "3m"},
    )
    path = tmp_path / "slo.yaml"
    path.write_text(yaml.safe_dump(slo), encoding="utf-8")
    return path


def stamp(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def seconds_of(record: dict[str, Any]) -> int:
    return int(time.mktime(time.strptime(record["time"], "%Y-%m-%dT%H:%M:%SZ"))) - time.timezone


@pytest.mark.prometheus
def test_replayed_windows_hold_what_the_raw_samples_hold(prometheus, story, file):
    asked = ("--from", stamp(story.end - 44 * HOUR), "--to", stamp(story.end), "--step", "4h")
    result = run("replay", prometheus.url, "-f", file, *asked, "-o", "json")
    assert result.exit_code == 0, result.output
    records = [json.loads(line) for line in result.stdout.splitlines()]
    for record in records:
        jsonschema.validate(record, schema_of("replay"))
    rows = [record for record in records if record["type"] == "row"]
    assert len(rows) >= 12
    for row in rows:
        at = seconds_of(row)
        for window, length in zip(row["windows"], (DAY, HOUR), strict=True):
            good, bad = story.counted(at - length, at)
            if good + bad == 0:
                assert "sli" not in window
                continue
            assert window["badEvents"] / (window["badEvents"] + window["goodEvents"]) == pytest.approx(
                bad / (good + bad), rel=0.01
            ), row["time"]
            assert window["goodEvents"] + window["badEvents"] == pytest.approx(good + bad, rel=0.01), row["time"]


@pytest.mark.prometheus
def test_replayed_changes_of_state_are_those_of_the_story(prometheus, story, file):
    asked = ("--from", stamp(story.end - 44 * HOUR), "--to", stamp(story.end))
    result = run("replay", prometheus.url, "-f", file, *asked, "-o", "json")
    changes = [r for line in result.stdout.splitlines() if (r := json.loads(line))["type"] == "change"]
    silent = [change for change in changes if "Unknown" in (change["from"], change["to"])]
    assert [change["to"] == "Unknown" for change in silent] == [True, False]
    lost, found = (seconds_of(change) for change in silent)
    assert 0 <= lost - story.silence.start <= 5 * MINUTE
    assert 0 <= found - story.silence.stop <= 3 * MINUTE
    assert [change["to"] for change in changes] == ["AtRisk", "Unknown", "AtRisk", "Healthy"]
    first = changes[0]
    at = seconds_of(first)
    good, bad = story.counted(at - DAY, at)
    assert at in story.trouble
    assert 1 - bad / ((good + bad) * 0.005) < 0.25
    good, bad = story.counted(at - MINUTE - DAY, at - MINUTE)
    assert 1 - bad / ((good + bad) * 0.005) >= 0.25 * 0.99


@pytest.mark.prometheus
def test_evaluating_a_moment_is_the_replay_of_that_moment(prometheus, story, file):
    at = stamp(story.end - 39 * HOUR)
    asked = ("--from", stamp(story.end - 44 * HOUR), "--to", at)
    lines = run("replay", prometheus.url, "-f", file, *asked, "-o", "json").stdout.splitlines()
    last = json.loads(lines[-1])
    result = run("evaluate", prometheus.url, "-f", file, "--at", at, "-o", "json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    jsonschema.validate(document, schema_of("evaluate"))
    (slo,) = document["slos"]
    assert (document["time"], slo["state"]) == (last["time"], last["state"])
    for alone, replayed in zip(slo["windows"], last["windows"], strict=True):
        for name in ("sli", "remainingPercent", "goodEvents", "badEvents"):
            assert alone[name] == pytest.approx(replayed[name], rel=0.01), name


@pytest.mark.prometheus
def test_a_range_before_the_data_is_told_by_a_real_server(prometheus, story, file):
    result = run("replay", prometheus.url, "-f", file, "--from", stamp(story.start - 5 * DAY))
    assert result.exit_code == 2
    begins = result.stderr.split("data begins at ")[1][:17]
    found = time.mktime(time.strptime(begins, "%Y-%m-%dT%H:%MZ")) - time.timezone
    assert 0 <= found - story.start <= 5 * MINUTE
    assert run("replay", prometheus.url, "-f", file, "--from", begins, "--to", stamp(story.start + HOUR)).exit_code == 0


def test_a_server_that_is_not_there_is_one_line(file):
    result = run("replay", f"http://127.0.0.1:{free_port()}", "-f", file)
    assert result.exit_code == 2
    assert result.stderr.endswith("the connection is refused; nothing listens there\n")
    assert result.stderr.count("\n") == 1


def test_a_server_that_wants_credentials_names_the_options_for_them(file, httpserver, tmp_path):
    def answer(request):
        if request.headers.get("Authorization") != "Bearer secret":
            return Response("no", status=401)
        return Response(json.dumps({"status": "error", "errorType": "internal", "error": "let in"}), status=500)

    httpserver.expect_request("/api/v1/query").respond_with_handler(answer)
    url = httpserver.url_for("").rstrip("/")
    result = run("evaluate", url, "-f", file)
    assert result.exit_code == 2
    assert "does not let us in (HTTP 401); check --bearer-token-file and --header" in result.stderr
    token = tmp_path / "token"
    result = run("evaluate", url, "-f", file, "--bearer-token-file", token)
    assert f"the file {token} of --bearer-token-file cannot be read" in result.stderr
    token.write_text("secret\n")
    assert "let in" in run("evaluate", url, "-f", file, "--bearer-token-file", token).stderr
