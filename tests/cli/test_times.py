"""Moments on a command line, and the moments of a replay."""

import itertools
from datetime import UTC, datetime

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.cli.times import MAX_ROWS, STEPS, USUAL_ROWS, InstantParam, default_step, moments, shown
from backstop.domain.duration import format_duration, parse_duration

NOW = datetime(2026, 3, 1, 12, 0, 42, tzinfo=UTC).timestamp()


def instant(text):
    return InstantParam().convert(text, None, None)(NOW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", "2026-03-01T12:00:42+00:00"),
        ("-30d", "2026-01-30T12:00:00+00:00"),
        ("now-1h30m", "2026-03-01T10:30:00+00:00"),
        ("2026-02-03", "2026-02-03T00:00:00+00:00"),
        ("2026-02-03T04:05:06Z", "2026-02-03T04:05:06+00:00"),
        ("2026-02-03T04:05+01:00", "2026-02-03T03:05:00+00:00"),
    ],
)
def test_a_moment_may_be_written_in_the_ways_that_people_write_it(text, expected):
    assert datetime.fromtimestamp(instant(text), UTC).isoformat() == expected


@pytest.mark.parametrize("text", ["", "tomorrow", "-", "-5", "30d", "2026-02-30", "2026-02-03T04:05:06", "1767268800"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(click.BadParameter):
        instant(text)


@pytest.mark.parametrize(
    ("length", "step"),
    [("1h", "1m"), ("6h", "2m"), ("1d", "10m"), ("7d", "1h"), ("30d", "4h"), ("90d", "12h"), ("365d", "2d")],
)
def test_the_usual_lengths_get_round_steps(length, step):
    assert format_duration(default_step(parse_duration(length))) == step


@given(st.floats(min_value=60, max_value=20 * 366 * 86_400))
def test_the_default_step_makes_a_readable_number_of_rows(seconds):
    step = default_step(seconds)
    assert step % 60 == 0
    assert seconds / step <= USUAL_ROWS
    if seconds > 3600 * 4 and format_duration(step) in STEPS:
        assert seconds / step > 60


@given(
    start=st.integers(min_value=0, max_value=10**9),
    length=st.integers(min_value=1, max_value=10**7),
    minutes=st.integers(min_value=1, max_value=10_000),
)
def test_moments_run_from_the_start_to_the_end_by_multiples_of_the_step(start, length, minutes):
    step = minutes * 60.0
    if length / step > MAX_ROWS - 3:
        return
    found = moments(float(start), float(start + length), step)
    assert (found[0], found[-1]) == (start, start + length)
    assert found == sorted(set(found))
    assert all(at % step == 0 for at in found[1:-1])
    assert all(b - a <= step for a, b in itertools.pairwise(found))


def test_the_step_that_is_proposed_works():
    with pytest.raises(ValueError, match="write 22m or more"):
        moments(NOW - 30 * 86_400, NOW, 60.0)
    assert len(moments(NOW - 30 * 86_400, NOW, 22 * 60.0)) <= MAX_ROWS


@pytest.mark.parametrize("step", [0.0, 30.0, 90.0])
def test_a_step_is_of_whole_minutes(step):
    with pytest.raises(ValueError, match="write whole minutes"):
        moments(NOW - 3600, NOW, step)


def test_seconds_are_shown_only_where_they_tell_something():
    assert shown(NOW) == "2026-03-01T12:00:42Z"
    assert shown(NOW - 42) == "2026-03-01T12:00Z"
