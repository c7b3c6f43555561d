"""The test bed's Prometheus does what tests of SLOs rely on."""

import signal
import time

import pytest

from tests.remote_write import NativeHistogram

pytestmark = pytest.mark.prometheus

PAST = 1_760_000_000.0  # a time of history, far outside what a fresh server would take


def test_what_the_exporter_shows_is_scraped(prometheus, exporter):
    exporter.set("server_test_total", 7, path='a "quoted" one\\')
    prometheus.wait_for_value('server_test_total{path="a \\"quoted\\" one\\\\"}', 7)
    exporter.add("server_test_total", 3, path='a "quoted" one\\')
    prometheus.wait_for_value("sum(server_test_total)", 10)


def test_a_failing_exporter_is_down_and_its_series_go_stale(prometheus, exporter):
    exporter.set("server_test_stale", 1)
    prometheus.wait_for_value("server_test_stale", 1)
    exporter.fail()
    prometheus.wait_for_value('up{job="app"}', 0)
    assert prometheus.value("server_test_stale") is None
    exporter.fail(failing=False)
    prometheus.wait_for_value("server_test_stale", 1)


def test_history_is_written_at_any_time_and_read_at_once(prometheus):
    prometheus.write("server_test_history_total", {"a": "b"}, [(PAST + n * 15, n) for n in range(41)])
    assert prometheus.value("increase(server_test_history_total[5m])", at=PAST + 600) == pytest.approx(20, rel=0.01)
    prometheus.write("server_test_older_total", {}, [(PAST - 86_400 * 30, 5)])
    assert prometheus.value("server_test_older_total", at=PAST - 86_400 * 30) == 5


def test_native_histograms_are_written_too(prometheus):
    quiet = NativeHistogram(buckets={-1: 2, 0: 3, 3: 5}, total=30.0)
    busy = NativeHistogram(buckets={-1: 4, 0: 6, 3: 10}, total=60.0)
    prometheus.write("server_test_seconds", {}, [(PAST, quiet), (PAST + 60, busy)])
    assert prometheus.value("histogram_count(server_test_seconds)", at=PAST) == 10
    # Bounds are powers of two: indices -1 and 0 hold what took up to one second.
    assert prometheus.value("histogram_fraction(0, 1, server_test_seconds)", at=PAST + 60) == pytest.approx(0.5)


def test_stop_and_start_keep_port_and_data(own_prometheus):
    url, now = own_prometheus.url, time.time()
    own_prometheus.write("kept", {}, [(now, 1)])
    own_prometheus.stop(how=signal.SIGKILL)
    own_prometheus.start()
    assert own_prometheus.url == url
    assert own_prometheus.value("kept", at=now) == 1


def test_openmetrics_history_becomes_blocks(own_prometheus):
    lines = [f'block_total{{a="b"}} {n} {PAST + n * 15}' for n in range(41)]
    own_prometheus.load_history("\n".join(["# TYPE block counter", *lines, "# EOF", ""]))
    assert own_prometheus.value("sum(increase(block_total[5m]))", at=PAST + 600) == pytest.approx(20, rel=0.01)
