"""What the demo shows: true to the status, calm when piped."""

import io

from tests.demo.reading import Reading, reading_of
from tests.demo.table import HEADER, Table, row

STATUS = {
    "state": "AtRisk",
    "reason": "LowBudget",
    "windows": [
        {"name": "5m", "sli": 99.2, "remainingPercent": 20.0, "goodEvents": 992, "badEvents": 8, "coverage": 0.5},
        {"name": "30d", "coverage": 0.001},
    ],
    "burnRates": {"5m": 0.8, "1h": 0.8},
    "conditions": [
        {"type": "Ready", "lastTransitionTime": "2026-03-01T09:00:00Z"},
        {"type": "BudgetHealthy", "lastTransitionTime": "2026-03-01T10:02:11Z"},
    ],
}
READING = reading_of({"metadata": {"name": "checkout"}, "status": STATUS})


def test_the_first_window_and_the_budget_condition_are_read():
    assert (READING.state, READING.sli, READING.remaining, READING.total) == ("AtRisk", 99.2, 20.0, 1000)
    assert READING.since == "2026-03-01T10:02:11Z"


def test_an_slo_without_a_status_is_unknown_and_not_zero():
    new = reading_of({"metadata": {"name": "new"}})
    assert (new.state, new.sli, new.remaining, new.total) == ("Unknown", None, None, None)


def test_a_row_has_the_numbers_and_a_dash_for_what_is_not_known():
    assert row(READING).split() == ["checkout", "99.200%", "0.8x", "-", "20.0%", "AtRisk", "10:02:11Z"]


def test_unknown_says_why():
    unknown = Reading(name="checkout", state="Unknown", reason="SourceUnreachable", burn={})
    assert row(unknown).endswith("(SourceUnreachable)")


def test_rows_stand_under_their_headings():
    assert row(READING).index("AtRisk") == HEADER.index("state")


def test_piped_output_has_a_line_per_change_and_per_ten_seconds():
    out = io.StringIO()
    table = Table(out)
    for second in range(12):
        table.show([READING], elapsed=float(second), act="burning")
    changed = Reading(name="checkout", state="Exhausted", reason="BudgetExhausted", burn={})
    table.show([changed], elapsed=12.0, act="burning")
    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["0s", "10s", "12s"]
    assert "\x1b" not in out.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_redrawn_in_place():
    out = Terminal()
    table = Table(out)
    table.show([READING], elapsed=0.0, act="burning")
    first = len(out.getvalue())
    table.show([READING], elapsed=1.0, act="burning")
    assert out.getvalue()[first:].startswith("\x1b[3F")


def test_a_note_is_not_drawn_over():
    out = Terminal()
    table = Table(out)
    table.show([READING], elapsed=0.0, act="burning")
    table.say("repaired")
    said = len(out.getvalue())
    table.show([READING], elapsed=1.0, act="burning")
    assert not out.getvalue()[said:].startswith("\x1b[3F")
