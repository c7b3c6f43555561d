"""The demo's last words: a timeline, and whether it was true."""

import io
from pathlib import Path

import pytest

from tests.cluster.client import Cluster
from tests.cluster.errors import ClusterError
from tests.demo.__main__ import summary
from tests.demo.shop import Shop
from tests.demo.story import Story
from tests.demo.table import Table


def a_story() -> Story:
    nowhere = Cluster(kubeconfig=Path("nowhere"), bin=Path("nowhere"))
    return Story(nowhere, Shop(nowhere), Table(io.StringIO()), events=[(8.7, "both SLOs are Healthy")])


def test_the_timeline_has_seconds():
    assert "     8.7  both SLOs are Healthy" in summary(a_story()).splitlines()


def test_what_was_not_true_is_told_instead_of_success():
    story = a_story()
    story.expect("checkout-availability: the budget fell", holds=False)
    story.expect("never told", holds=True)
    text = summary(story)
    assert "NOT AS IT SHOULD BE:\n  checkout-availability: the budget fell" in text
    assert "never told" not in text
    assert "All of it was checked" not in text


def test_a_cluster_that_never_answers_is_named_at_the_deadline():
    with pytest.raises(ClusterError, match=r"waiting: not within 0 s; last seen: nowhere/kubectl is not installed"):
        a_story().follow("waiting", 0, lambda _now: True)
