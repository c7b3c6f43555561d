import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.promql.emptiness import what_drops

DROPS = [
    ("depth > 100", ">"),
    ("depth >= 100", ">="),
    ("up != 1", "!="),
    ("(up == 0)", "=="),
    ("count(up == 0)", "=="),
    ("abs(-(depth > 100))", ">"),
    ("max_over_time((depth > 100)[5m:1m])", ">"),
    ("1 - (depth < 2)", "<"),
    ("a and on (pod) b", "and"),
    ("a unless b", "unless"),
    ("absent(up)", "absent()"),
    ("absent_over_time(up[5m])", "absent_over_time()"),
    ("(a > 1) or (b < 2)", ">"),
]
ANSWERS = [
    "depth",
    "db_pool_in_use / db_pool_size",
    "depth > bool 100",
    "(depth > 100) or vector(0)",
    "vector(1)",
    "scalar(depth > 100)",
    "time() - last_success_timestamp_seconds",
    "sum by (pod) (rate(errors_total[5m]))",
    'errors_total{path="a > b"}',
]


@pytest.mark.parametrize(("expression", "told"), DROPS)
def test_what_drops_series_is_told(expression: str, told: str) -> None:
    assert what_drops(expression) == told


@pytest.mark.parametrize("expression", ANSWERS)
def test_what_answers_when_all_is_well_is_left_alone(expression: str) -> None:
    assert what_drops(expression) is None


@pytest.mark.parametrize("expression", ["", "a >", "newest_function(x > 1)", "(" * 5000, "-" * 500 + "x"])
def test_what_cannot_be_read_is_left_to_others(expression: str) -> None:
    assert what_drops(expression) is None


@given(st.text(max_size=50))
def test_any_text_is_looked_at(text: str) -> None:
    assert what_drops(text) is None or isinstance(what_drops(text), str)
