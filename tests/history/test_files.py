"""What is written is what Prometheus reads: both ways into a real server, with markers and native histograms."""

import io

import numpy as np
import pytest

from tests.history.files import make_blocks, write_openmetrics
from tests.history.series import NAME, Series
from tests.prometheus_server import PrometheusServer

START = 1_740_000_000
TIMES = np.arange(START, START + 600, 60, dtype=np.int64) * 1000


def a_series(values, **more):
    return Series(labels={NAME: "m_total", "path": 'a"b\\c'}, times=TIMES, values=np.array(values, dtype=float), **more)


def test_text_holds_labels_values_and_milliseconds():
    out = io.StringIO()
    write_openmetrics([a_series(range(10))], out)
    lines = out.getvalue().splitlines()
    assert lines[1] == r'm_total{path="a\"b\\c"} 1.0 1740000060.000'
    assert (len(lines), lines[-1]) == (11, "# EOF")


@pytest.mark.parametrize("more", [{"buckets": (0,), "counts": np.ones((10, 1), dtype=np.int64)}, {}])
def test_text_refuses_what_it_cannot_hold(more):
    with pytest.raises(ValueError, match="cannot hold"):
        write_openmetrics([a_series([*range(9), np.nan], **more)], io.StringIO())


@pytest.mark.prometheus
@pytest.mark.slow  # builds the writer once, a minute on two cores
def test_a_real_prometheus_reads_markers_and_native_histograms(tmp_path):
    server = PrometheusServer(tmp_path)
    counts = np.arange(10, dtype=np.int64)[:, None] * np.array([3, 0, 1])
    histogram = Series(
        labels={NAME: "seconds"}, times=TIMES, values=np.arange(10.0), buckets=(-2, -1, 1), counts=counts
    )
    plain = Series(labels={NAME: "plain"}, times=TIMES, values=np.arange(10.0))
    make_blocks([a_series([*range(9), np.nan]), histogram, plain], tmp_path / "data")
    try:
        server.start()
        end = START + 540
        assert server.value("m_total", end - 1) == 8
        assert server.value("m_total", end) is None
        assert server.value("histogram_count(seconds)", end) == 36
        assert server.value("histogram_fraction(0, 0.25, seconds)", end) == pytest.approx(0.75)
        assert server.value("plain", end + 200) == 9
    finally:
        server.stop()
