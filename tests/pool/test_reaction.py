"""A full database on a real cluster: an incident, and somebody who hears of it. How soon: `tests.pool.reaction`."""

import pytest

from tests.operator.conftest import crds
from tests.pool.reaction import quantile, stage

__all__ = ["crds"]


@pytest.mark.cluster
@pytest.mark.prometheus
@pytest.mark.slow
def test_a_full_database_opens_one_incident_and_somebody_hears_of_it(cluster, crds, namespace, tmp_path):
    with stage(cluster, namespace, tmp_path) as set_up:
        set_up.react("pool", after_seconds=0)
        (message,) = set_up.receiver.about("Opened")
    assert message["incident"]["severity"] == "P0"
    assert message["incident"]["name"].startswith("pool-")
    assert "connections-exhausted" in str(message)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([1.0], 0.99, 1.0),
        ([2.0, 1.0], 0.5, 1.0),
        ([float(n) for n in range(20, 0, -1)], 0.99, 20.0),
        ([float(n) for n in range(1, 201)], 0.99, 198.0),
        ([float(n) for n in range(1, 101)], 0.5, 50.0),
    ],
)
def test_a_quantile_is_a_value_that_was_measured(values, share, expected):
    assert quantile(values, share) == expected
