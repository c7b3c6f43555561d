"""The rows of an SLO with groups: what they know does not depend on the order in which it was learnt."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.domain.evidence import Slice, unknown
from backstop.domain.ledger import MINUTE, Ledger
from backstop.domain.slo import Budgeting, NoData, Timeslice
from backstop.domain.timeslice import counted
from backstop.engine.readings import Evidence
from backstop.engine.rows import append, prepend, release
from backstop.engine.tracked import Tracked
from backstop.vocabulary import Reason
from tests.builders import a_slo

ANCHOR = 1_700_000_100 // 3600 * 3600
SILENT = unknown(Reason.NO_DATA, "the query for the total returned no series")
BY_TIME = {"budgeting": Budgeting.TIMESLICES, "timeslice": Timeslice(seconds=60, target_ratio=Decimal("0.9"))}

counts = st.tuples(st.integers(0, 50), st.integers(0, 5)).map(lambda pair: Slice(*map(float, pair)))
minutes = st.lists(
    st.none() | st.dictionaries(st.sampled_from([("eu",), ("us",), ("ap",)]), counts, max_size=3),
    min_size=1,
    max_size=20,
)


def evidence_of(slo, groups):
    if groups is None:
        return Evidence(SILENT, SILENT)
    whole = Slice(sum(g.good for g in groups.values()), sum(g.bad for g in groups.values()))

    def budgeted(slice_):
        return counted(slice_, slo.timeslice, no_data=NoData.UNKNOWN, seconds=MINUTE)

    return Evidence(whole, budgeted(whole), {key: budgeted(group) for key, group in groups.items()})


def started(slo, at):
    tracked = Tracked(slo=slo, ledger=Ledger(), anchor=at)
    tracked.row = tracked.ledger.add(at)
    return tracked


def known(tracked, start, end):
    """What each group counted, and the whole, by name; a group without events is as good as none."""
    named = {"all": tracked.row} | {key[0]: row for key, row in tracked.groups.items()}
    found = {}
    for name, row in named.items():
        window = tracked.ledger.window(np.array([row]), start=start, end=end)
        values = (float(window.good[0]), float(window.bad[0]), float(window.unknown_seconds[0]))
        if name == "all" or values[0] + values[1] > 0:
            found[name] = pytest.approx(values, abs=1e-6)
    return found


@settings(max_examples=60, deadline=None)
@given(slices=minutes, split=st.integers(0, 20), by_time=st.booleans(), data=st.data())
def test_slices_may_come_live_or_from_history(slices, split, by_time, data):
    slo = a_slo(group_by=("region",), **(BY_TIME if by_time else {}))
    evidence = [evidence_of(slo, groups) for groups in slices]
    split = min(split, len(evidence))
    live, late = started(slo, ANCHOR), started(slo, ANCHOR + split * MINUTE)
    for one in evidence:
        append(live, one, seconds=MINUTE)
    newer, older = evidence[split:], evidence[:split]
    while newer or older:  # the newer ones in order, the older ones backwards, in whichever turn
        if newer and (not older or data.draw(st.booleans())):
            append(late, newer.pop(0), seconds=MINUTE)
        else:
            prepend(late, [older.pop()], tier_step=MINUTE, grain=MINUTE)
    end = ANCHOR + len(evidence) * MINUTE
    for start in range(ANCHOR, end, MINUTE):
        assert known(late, start, end).keys() == known(live, start, end).keys()
        assert known(late, start, start + MINUTE) == {
            name: values.expected for name, values in known(live, start, start + MINUTE).items()
        }


@given(slices=minutes)
def test_no_row_is_left_behind(slices):
    slo = a_slo(group_by=("region",))
    tracked = started(slo, ANCHOR)
    for groups in slices:
        append(tracked, evidence_of(slo, groups), seconds=MINUTE)
    assert len(tracked.ledger) == len(tracked.rows)
    release(tracked)
    assert len(tracked.ledger) == 0
