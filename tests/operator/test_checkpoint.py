"""What an operator knows outlives it, even where Prometheus has forgotten."""

import shutil
import signal

import pytest

from tests.cluster.waiting import wait_until
from tests.operator.harness import OperatorProcess
from tests.prometheus_server import PrometheusServer

pytestmark = [pytest.mark.cluster, pytest.mark.prometheus]


@pytest.fixture
def keeping(cluster, slos, shop, tmp_path):
    """An operator with a checkpoint, not started."""
    built = OperatorProcess(cluster, tmp_path / "operator", namespaces=[slos.namespace], sources=[])
    built.configure(sources=[source(shop.prometheus)], checkpoint={"folder": str(built.ledger), "sizeMebibytes": 16})
    yield built
    built.kill()


def source(prometheus: PrometheusServer) -> dict[str, str]:
    return {"name": "default", "url": prometheus.url, "timeout": "2s"}


def sealed(operator: OperatorProcess, bad: int) -> None:
    wait_until(
        lambda: (operator.metric("backstop_slo_events_total", slo="checkout", result="bad") or 0) >= bad,
        100.0,
        describe="a sealed minute with the bad events",
    )


def checkpoints(operator: OperatorProcess, outcome: str) -> float:
    return operator.metric("backstop_checkpoints_total", outcome=outcome) or 0.0


def test_a_stopped_operator_comes_back_to_what_prometheus_has_forgotten(slos, shop, keeping, tmp_path):
    keeping.start()
    shop.remember_silence(minutes=10)
    shop.serve(good=990, bad=8)
    slos.apply(windows=[{"name": "1h", "rolling": "1h"}])
    slos.wait_for_state("AtRisk")
    sealed(keeping, 8)
    before = slos.status()["windows"][0]
    assert before["badEvents"] == 8
    assert keeping.kill(signal.SIGTERM) == 0
    assert "checkpoint.saved" in keeping.tail()
    shop.prometheus.stop()
    shutil.rmtree(tmp_path / "prometheus" / "data")
    shop.prometheus.start()
    keeping.start()
    wait_until(lambda: checkpoints(keeping, "restored") == 1, 40.0, describe="the checkpoint to be taken up")
    wait_until(
        lambda: keeping.metric("backstop_error_budget_remaining_ratio", slo="checkout") is not None,
        40.0,
        describe="an evaluation after the restart",
    )
    after = slos.status()["windows"][0]
    assert after["badEvents"] == before["badEvents"]
    assert after["goodEvents"] >= before["goodEvents"]
    assert slos.status()["state"] == "AtRisk"
    assert keeping.metric("backstop_checkpoint_failing") == 0


def test_a_killed_operator_finds_what_it_saved_minutes_before(slos, shop, keeping):
    keeping.start()
    shop.serve(good=990)
    slos.apply()
    slos.wait_for_state("Healthy")
    wait_until(lambda: checkpoints(keeping, "saved") >= 1, 40.0, describe="the first checkpoint")
    assert keeping.kill() == -signal.SIGKILL
    keeping.start()
    wait_until(lambda: checkpoints(keeping, "restored") == 1, 40.0, describe="the checkpoint to be taken up")
    assert keeping.metric("backstop_checkpoint_set_aside_total", why="damaged") is None
    slos.wait_for_state("Healthy")


def test_without_its_folder_the_operator_goes_on_and_says_so(slos, shop, keeping):
    shutil.rmtree(keeping.ledger)
    keeping.start()
    shop.serve(good=990)
    slos.apply()
    slos.wait_for_state("Healthy")
    assert keeping.metric("backstop_checkpoint_failing") == 1
    assert f"mount a writable volume at {keeping.ledger}" in keeping.tail()
    assert keeping.kill(signal.SIGTERM) == 0


def test_a_file_that_is_damaged_is_set_aside_and_history_is_read_from_prometheus(slos, shop, keeping):
    (keeping.ledger / "ledger.sqlite").write_bytes(b"nothing of ours" * 1000)
    keeping.start()
    shop.serve(good=990)
    slos.apply()
    slos.wait_for_state("Healthy")
    assert keeping.metric("backstop_checkpoint_set_aside_total", why="damaged") == 1
    assert (keeping.ledger / "ledger.damaged.sqlite").exists()
    wait_until(lambda: checkpoints(keeping, "saved") >= 1, 40.0, describe="a checkpoint in a new file")
    assert (keeping.metric("backstop_checkpoint_bytes") or 0) > 0
