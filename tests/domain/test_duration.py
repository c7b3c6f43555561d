import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("1h30m", 5400), ("30d", 2_592_000), ("1w", 604_800), ("500ms", 0.5), ("0s", 0)],
)
def test_durations_read_as_prometheus_reads_them(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "1m1h", "-5m", "5 m", "1.5h", "5M", "١m", "1h\n"])
def test_what_is_no_duration_is_refused_with_examples(text):
    with pytest.raises(ValueError, match="write it as 30s, 5m"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=400 * 86_400_000))
def test_formatting_and_parsing_are_inverse_to_the_millisecond(milliseconds):
    assert round(parse_duration(format_duration(milliseconds / 1000)) * 1000) == milliseconds
