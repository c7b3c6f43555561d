"""What a budget of time counts of a slice, and what time without data counts as."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.evidence import Slice, unknown
from backstop.domain.slo import NoData, Timeslice
from backstop.domain.timeslice import counted
from backstop.vocabulary import Reason

MINUTE = Timeslice(seconds=60, target_ratio=Decimal("0.95"))
HOUR = Timeslice(seconds=3600, target_ratio=Decimal("0.95"))
BY_SHARE = Timeslice(seconds=60, target_ratio=None)

# The reasons for which a stretch of time holds no samples; every other one is trouble with what is there.
WITHOUT_SAMPLES = {Reason.NO_DATA, Reason.STALE}


def of(good, bad, timeslice=MINUTE, *, no_data=NoData.UNKNOWN, seconds=60.0):
    found = counted(Slice(float(good), float(bad)), timeslice, no_data=no_data, seconds=seconds)
    assert found.known
    return found.good, found.bad


def test_a_slice_that_reaches_its_target_is_good_as_a_whole():
    assert of(95, 5) == (1, 0)
    assert of(94, 6) == (0, 1)
    assert of(0, 1) == (0, 1)


@pytest.mark.parametrize("percent", ["0.1", "33.3", "90", "95", "99.9", "99.999999"])
def test_a_slice_exactly_at_its_target_is_good_whatever_floats_make_of_it(percent):
    timeslice = Timeslice(seconds=60, target_ratio=Decimal(percent) / 100)
    share = Decimal(percent) * 10**6
    for scale in (1, 3, 7):
        assert of(share * scale, (10**8 - share) * scale, timeslice) == (1, 0)
        assert of(share * scale - 1, (10**8 - share) * scale + 1, timeslice) == (0, 1)


def test_a_slice_without_a_target_counts_by_its_share_of_good_events():
    assert of(3, 1, BY_SHARE) == (0.75, 0.25)


def test_heavy_and_light_traffic_weigh_the_same():
    assert of(19, 1, BY_SHARE) == pytest.approx(of(19e9, 1e9, BY_SHARE))


@pytest.mark.parametrize("timeslice", [MINUTE, BY_SHARE], ids=["as a whole", "by share"])
def test_a_slice_without_traffic_is_good(timeslice):
    assert of(0, 0, timeslice) == (1, 0)


def test_a_part_of_a_slice_counts_in_part():
    assert of(1, 0, HOUR, seconds=900) == (0.25, 0)
    assert of(0, 1, HOUR, seconds=900) == (0, 0.25)


def test_without_slices_events_count_as_they_are():
    assert of(7, 3, None) == (7, 3)


@pytest.mark.parametrize("no_data", NoData)
@pytest.mark.parametrize("reason", [r for r in Reason if r not in WITHOUT_SAMPLES], ids=str)
def test_trouble_that_is_not_a_lack_of_samples_stays_unknown_whatever_no_data_says(reason, no_data):
    evidence = unknown(reason, "why")
    assert counted(evidence, MINUTE, no_data=no_data, seconds=60) == evidence
    assert counted(evidence, None, no_data=no_data, seconds=60) == evidence


@pytest.mark.parametrize("reason", sorted(WITHOUT_SAMPLES), ids=str)
@pytest.mark.parametrize("timeslice", [MINUTE, BY_SHARE], ids=["as a whole", "by share"])
def test_a_lack_of_samples_counts_as_no_data_says(reason, timeslice):
    evidence = unknown(reason, "why")
    assert counted(evidence, timeslice, no_data=NoData.UNKNOWN, seconds=60) == evidence
    assert counted(evidence, timeslice, no_data=NoData.GOOD, seconds=60) == Slice(1.0, 0.0)
    assert counted(evidence, timeslice, no_data=NoData.BAD, seconds=60) == Slice(0.0, 1.0)


def test_a_lack_of_samples_that_counts_as_good_is_known_time_without_events_where_events_are_counted():
    assert counted(unknown(Reason.NO_DATA, ""), None, no_data=NoData.GOOD, seconds=60) == Slice(0.0, 0.0)


amounts = st.floats(min_value=0, max_value=1e12)
slices = st.sampled_from((60, 180, 300, 900, 1800, 3600))
targets = st.none() | st.integers(1, 99).map(lambda percent: Decimal(percent) / 100)


@given(good=amounts, bad=amounts, seconds=slices, target=targets, stretch=st.floats(min_value=0, max_value=3600))
def test_known_time_is_all_counted_and_once(good, bad, seconds, target, stretch):
    timeslice = Timeslice(seconds=seconds, target_ratio=target)
    found = counted(Slice(good, bad), timeslice, no_data=NoData.UNKNOWN, seconds=stretch)
    assert found.good + found.bad == pytest.approx(stretch / seconds)
    assert min(found.good, found.bad) >= 0


@given(good=amounts, bad=amounts, more=amounts, target=targets)
def test_more_bad_events_never_make_a_slice_better(good, bad, more, target):
    timeslice = Timeslice(seconds=60, target_ratio=target)
    assert of(good, bad + more, timeslice)[1] >= of(good, bad, timeslice)[1] - 1e-12
