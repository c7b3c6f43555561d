"""What the documentation shows of the measurement is whole, and within what the tests hold."""

import re
from dataclasses import replace

from tests.docs.pages import text_of
from tests.history.scenarios import ALL
from tests.replay.measuring import WINDOWS, Found
from tests.replay.report import BEGIN, END, PAGE, written

NAMES = [make.__name__ for make in ALL]
A_FOUND = Found(
    window="5m",
    at=0.0,
    total=100.0,
    bad=1.0,
    unknown_seconds=0.0,
    true_total=100.0,
    true_bad=1.0,
)


def tables():
    """Return the rows of the measured tables, by the sentence before each."""
    measured = text_of(PAGE).partition(BEGIN)[2].partition(END)[0]
    parts = re.split(r"\n\n(?=\*\*|\| scenario \| what)", measured)
    return [part for part in parts if "| scenario |" in part]


def test_every_scenario_has_its_row_in_every_table():
    assert len(tables()) == 4
    for table in tables():
        rows = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
        assert rows == ["scenario", *NAMES]


def test_the_page_shows_no_error_beyond_one_percent():
    for table in tables()[:3]:
        cells = [cell.strip() for line in table.splitlines()[3:] for cell in line.split("|")[2:-1]]
        errors = [float(cell) for cell in cells if cell not in {"–", *WINDOWS} and not cell.startswith("-")]
        assert len(errors) > 60
        assert max(errors) <= 1.0


def test_a_page_is_written_between_its_marks_and_nowhere_else():
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert written(page, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"


def test_a_number_beyond_the_tolerance_is_told():
    def differs(**changes):
        return replace(A_FOUND, **changes).differs()

    assert not differs()
    assert not differs(total=100.9, bad=1.009)
    assert "total 102" in differs(total=102.0, bad=1.02)
    assert "error ratio 0.011" in differs(bad=1.1)
    assert "3.0 bad events" in differs(total=0.0, bad=3.0, true_total=0.0, true_bad=0.0)
