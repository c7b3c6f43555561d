"""Subjects of alerts have keys that tell them apart, whatever their labels hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.alert import Subject, SubjectKind


def of_slo(**labels):
    return Subject(kind=SubjectKind.SLO, name="checkout", group=tuple(sorted(labels.items())))


@pytest.mark.parametrize(
    ("subject", "key"),
    [
        (of_slo(), "SLO/checkout"),
        (of_slo(region="eu", tier="a b"), 'SLO/checkout{region="eu",tier="a b"}'),
        (of_slo(region='e"u\\'), 'SLO/checkout{region="e\\"u\\\\"}'),
        (Subject(kind=SubjectKind.NODE, name="n1", service="shop"), "Node/n1"),
    ],
)
def test_a_key_reads_like_a_selector(subject, key):
    assert subject.key == key


values = st.text(alphabet='ab",=\\{}', max_size=8)


@given(one=st.tuples(values, values), other=st.tuples(values, values))
def test_no_two_groups_have_one_key(one, other):
    keys = [of_slo(x=first, y=second).key for first, second in (one, other)]
    assert (keys[0] == keys[1]) == (one == other)


def test_two_groups_that_only_quotes_tell_apart_have_two_keys():
    assert of_slo(x='a",y="b', y="c").key != of_slo(x="a", y='b",y="c').key
