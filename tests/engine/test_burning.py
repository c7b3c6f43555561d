"""Since when an SLO burns, by the slices of its row."""

import pytest

from backstop.domain.ledger import Ledger
from backstop.engine.burning import CALM_SLICES, all_bad_for, bad_since
from backstop.engine.tracked import Tracked
from tests.builders import a_slo

ANCHOR = 1_772_625_600
GOOD, BAD, SILENT, UNKNOWN = (100, 0, 0), (50, 50, 0), (0, 0, 0), (0, 0, 60)
WITHIN = (9999, 1, 0)  # an error, and fewer than the objective allows


def lived(*minutes):
    """Return an SLO whose row holds these minutes since ANCHOR, and the instant after them."""
    ledger = Ledger()
    tracked = Tracked(slo=a_slo(), ledger=ledger, row=ledger.add(ANCHOR), anchor=ANCHOR)
    for good, bad, unknown in minutes:
        ledger.append(tracked.row, good=good, bad=bad, unknown_seconds=unknown)
    return tracked, ANCHOR + 60.0 * len(minutes)


@pytest.mark.parametrize(
    ("minutes", "since"),
    [
        pytest.param([GOOD] * 10, None, id="nothing bad"),
        pytest.param([WITHIN] * 10, None, id="errors within the objective"),
        pytest.param([GOOD] * 5 + [BAD] * 3, 6, id="the first bad minute"),
        pytest.param([BAD] + [GOOD] * CALM_SLICES + [BAD], 7, id="calm minutes end what went on before"),
        pytest.param([BAD] + [GOOD] * (CALM_SLICES - 1) + [BAD], 1, id="fewer do not"),
        pytest.param([BAD] + [SILENT] * 30 + [BAD], 1, id="silence does not"),
        pytest.param([BAD] + [UNKNOWN] * 30 + [BAD], 1, id="unknown time does not"),
        pytest.param([BAD] * 3 + [GOOD] * CALM_SLICES, None, id="it is over"),
    ],
)
def test_what_goes_on_began_with_the_first_bad_slice_after_calm(minutes, since):
    tracked, now = lived(*minutes)
    assert bad_since(tracked, tracked.row, at=now) == (None if since is None else ANCHOR + 60 * since)


def test_only_bad_events_are_timed_from_the_first_to_the_latest():
    tracked, now = lived(GOOD, (0, 1, 0), SILENT, (0, 2, 0))
    assert all_bad_for(tracked, tracked.row, at=now, seconds=900) == 120
    tracked, now = lived(GOOD, (0, 1, 0), GOOD)
    assert all_bad_for(tracked, tracked.row, at=now, seconds=900) == 0


def test_an_slo_that_was_never_evaluated_has_no_slices():
    with pytest.raises(ValueError, match="never evaluated"):
        bad_since(Tracked(slo=a_slo()), 0, at=0.0)
