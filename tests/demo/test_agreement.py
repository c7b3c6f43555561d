"""When two counts of the same events agree."""

import pytest

from tests.demo.agreement import Tally, disagreement

OURS = Tally("Backstop", good=9900, bad=100)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Tally("PromQL", 9900, 100), id="the same counts"),
        pytest.param(Tally("PromQL", 990, 10), id="the same ratio of fewer events"),
        pytest.param(Tally("PromQL", 9900, 100.9), id="just within one percent"),
    ],
)
def test_they_agree(other: Tally):
    assert disagreement(OURS, other) is None


def test_a_small_share_of_bad_events_is_compared_by_itself():
    # 1.0 % and 1.1 % bad: the SLIs are a thousandth apart, the budgets spent a tenth.
    words = disagreement(OURS, Tally("the application", 9890, 110))
    assert words == "share of bad events: Backstop says 0.01, the application says 0.011, more than 1 % apart"


def test_a_different_sli_is_named():
    assert disagreement(OURS, Tally("PromQL", 50, 50)) == "SLI: Backstop says 99, PromQL says 50, more than 1 % apart"


def test_no_bad_event_at_all_agrees_only_with_none():
    assert disagreement(Tally("a", 10, 0), Tally("b", 20, 0)) is None
    assert disagreement(Tally("a", 1000, 0), Tally("b", 999, 1)) is not None


def test_a_tally_of_nothing_agrees_with_nothing():
    with pytest.raises(ZeroDivisionError):
        disagreement(Tally("a", 0, 0), OURS)
