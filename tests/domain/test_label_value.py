from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.label_value import shown_value
from backstop.vocabulary import MAX_LABEL_VALUE


def test_a_value_as_people_give_them_is_shown_as_it_is():
    assert [shown_value(value) for value in ("", "eu-west-1", 'a "quoted"\nline', "東京")] == [
        "",
        "eu-west-1",
        'a "quoted"\nline',
        "東京",
    ]


def test_a_long_value_is_cut_and_told_apart_from_one_with_the_same_beginning():
    one, other = shown_value("x" * 10_000), shown_value("x" * 9_999)
    assert (len(one), len(other)) == (MAX_LABEL_VALUE, MAX_LABEL_VALUE)
    assert one != other


def test_what_is_no_text_is_shown_as_text():
    assert shown_value("\ud800").encode()
    assert shown_value("\ud800") != shown_value("\ud801")


@given(st.text(alphabet=st.characters(), max_size=300))
def test_every_value_is_shown_as_bounded_text_and_always_the_same(value):
    assert len(shown_value(value).encode()) <= 4 * MAX_LABEL_VALUE
    assert len(shown_value(value)) <= MAX_LABEL_VALUE
    assert shown_value(shown_value(value)) == shown_value(value)
