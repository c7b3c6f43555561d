"""Whatever stands where an SLO is expected, the outcome is an SLO or a SpecError with a readable path."""

import copy
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.api.review import Reviewer
from backstop.api.to_domain import check_slo, to_domain
from backstop.domain.errors import SpecError
from backstop.domain.slo import SLO
from tests.api.slo_bodies import ACCEPTED

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), float("nan"), float("inf"), -0.0, 5e-324])
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["\x00", "\x1b[2J", "\ud83d", "a" * 10_000, "((" * 5_000, "30d", "up", "$window"])
    | st.binary(max_size=3)
    | st.just(date(2026, 3, 1))
    | st.just(object())
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=8,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside of a body."""
    found = [at]
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        found += places(inner, (*at, key))
    return found


def replaced(body: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    body = copy.deepcopy(body)
    inner = body
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return body


PLACES = [(body, place) for body in ACCEPTED.values() for place in places(body)]


def read(body: Any) -> SLO | SpecError:
    """Return the outcome; anything that is neither an SLO nor a SpecError escapes as the failure of the test."""
    try:
        return to_domain(body)
    except SpecError as refused:
        error = refused
    assert len(str(error)) < 4096, "it must fit into a condition"
    assert str(error).encode("utf-8", errors="strict")
    return error


@settings(deadline=None)
@given(st.sampled_from(PLACES), ANYTHING)
def test_anything_anywhere_is_an_slo_or_a_spec_error(target: tuple[Any, tuple[Any, ...]], value: Any) -> None:
    body, place = target
    read(replaced(body, place, value))


@settings(deadline=None)
@given(st.sampled_from(PLACES), st.text(max_size=20) | st.integers() | st.none(), ANYTHING)
def test_a_key_that_should_not_be_there_is_a_spec_error(
    target: tuple[Any, tuple[Any, ...]], key: Any, value: Any
) -> None:
    body, place = target
    inner = body
    for segment in place:
        inner = inner[segment]
    if isinstance(inner, dict):
        read(replaced(body, place, {**inner, key: value}))


@settings(deadline=None)
@given(ANYTHING)
def test_an_object_of_anything_is_a_spec_error(body: Any) -> None:
    assert isinstance(read(body), SpecError)


def test_deep_nesting_ends_in_a_spec_error_wherever_it_stands() -> None:
    deep: Any = "leaf"
    for _ in range(100_000):
        deep = {"a": [deep]}
    for body, place in PLACES:
        if place[:1] == ("spec",):
            assert isinstance(read(_shallow(body, place, deep)), SpecError)
    while isinstance(deep, dict):  # take it apart by hand: freeing it recursively would need a deep stack
        deep = deep["a"].pop()


def _shallow(body: Any, place: tuple[Any, ...], value: Any) -> Any:
    """Replace without copying `value`."""
    key, rest = place[0], place[1:]
    changed = dict(body) if isinstance(body, dict) else list(body)
    changed[key] = _shallow(body[key], rest, value) if rest else value
    return changed


@pytest.mark.parametrize("count", [1_000])
def test_a_thousand_wrong_fields_are_not_all_told(count: int) -> None:
    body = copy.deepcopy(ACCEPTED["ratio of bad events"])
    body["spec"] |= {f"wrong{n}": n for n in range(count)}
    assert len(check_slo(body).problems) <= 50


@settings(deadline=None)
@given(st.text(max_size=200) | st.sampled_from(["a: &a [*a]", "- - - - - -", "{" * 2000, "a: !!set {b}", "? a\n? b"]))
def test_any_text_can_be_reviewed(text: str) -> None:
    for review in Reviewer().review("file", text):
        assert review.place.line >= 1
