"""What the answer of a query says of a rule, and of each value of its target label."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.alert import Subject, SubjectKind
from backstop.domain.alert_facts import SampleFacts, Unreadable
from backstop.domain.alert_judging_query import judge_query
from backstop.domain.alert_policy import NoData, OnEmpty, Query
from backstop.domain.slo import Comparison
from backstop.vocabulary import MAX_LABEL_VALUE, AlertReason
from tests.domain.alert_builders import a_rule

WHOLE = Subject(kind=SubjectKind.QUERY, name="pool")


def asking(op=Comparison.GTE, value="0.9", **changes):
    return a_rule(Query(expression="x", op=op, value=Decimal(value), source="default", **changes), name="pool")


def series(value, **labels):
    return SampleFacts(labels=labels, value=value)


def target(name):
    return Subject(kind=SubjectKind.TARGET, name=name)


def only(found):
    ((subject, finding),) = found.items()
    assert subject == WHOLE
    return finding


@pytest.mark.parametrize(
    ("op", "below", "equal", "above"),
    [
        (Comparison.LT, True, False, False),
        (Comparison.LTE, True, True, False),
        (Comparison.GT, False, False, True),
        (Comparison.GTE, False, True, True),
        (Comparison.EQ, False, True, False),
        (Comparison.NE, True, False, True),
    ],
)
def test_values_compare_as_the_rule_asks(op, below, equal, above):
    found = [only(judge_query(asking(op), [series(value)])).holds for value in (0.8, 0.9, 1.0)]
    assert found == [below, equal, above]


def test_the_message_names_the_series_its_value_and_the_limit():
    crossed = only(judge_query(asking(), [series(0.95, __name__="pool_in_use", pool="a")]))
    assert (crossed.holds, crossed.reason) == (True, AlertReason.THRESHOLD_CROSSED)
    assert crossed.message == 'pool_in_use{pool="a"} is 0.95, which is ≥ 0.9'
    assert crossed.numbers == {"value": 0.95, "limit": 0.9, "series": 1, "crossing": 1}
    fine = only(judge_query(asking(), [series(0.5)]))
    assert (fine.holds, fine.reason) == (False, AlertReason.THRESHOLD_NOT_CROSSED)
    assert fine.message == "the value is 0.5, which is not ≥ 0.9"


def test_without_a_target_label_any_series_that_crosses_holds_and_the_worst_is_named():
    several = [series(0.91, pool="a"), series(0.99, pool="b"), series(0.1, pool="c")]
    found = only(judge_query(asking(), several))
    assert (found.holds, found.message) == (True, '{pool="b"} is 0.99, which is ≥ 0.9; 2 of 3 series')
    low = only(judge_query(asking(Comparison.LT), several))
    assert low.message == '{pool="c"} is 0.1, which is < 0.9; 1 of 3 series'


def test_the_worst_of_equal_series_stays_the_same_in_whichever_order_they_come():
    pair = [series(1, pool="b"), series(1, pool="a")]
    assert only(judge_query(asking(), pair)) == only(judge_query(asking(), pair[::-1]))


def test_with_a_target_label_each_value_is_judged_by_its_worst_series():
    found = judge_query(
        asking(target_label="node"),
        [series(0.5, node="n1"), series(0.95, node="n1"), series(0.2, node="n2"), series(math.nan, node="n3")],
    )
    assert {subject.key: finding.holds for subject, finding in found.items()} == {
        "Target/n1": True,
        "Target/n2": False,
        "Target/n3": None,
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([math.nan], None, id="nothing but NaN"),
        pytest.param([math.nan, 0.1], None, id="one that says nothing may hide a worse"),
        pytest.param([math.nan, 0.95], True, id="one that crosses is enough"),
        pytest.param([math.inf], True, id="infinite is a value"),
        pytest.param([-math.inf, 0.1], False, id="and so is minus infinite"),
    ],
)
def test_what_is_not_a_number_is_unknown(values, expected):
    found = only(judge_query(asking(), [series(value) for value in values]))
    assert found.holds is expected
    assert all(math.isfinite(number) for number in found.numbers.values()), "JSON has no infinity"
    if expected is None:
        assert "NaN" in found.message


@pytest.mark.parametrize(("on_empty", "holds"), [(OnEmpty.UNKNOWN, None), (OnEmpty.CLEAR, False)])
def test_an_empty_answer_means_what_on_empty_says(on_empty, holds):
    for label in (None, "node"):
        found = only(judge_query(asking(on_empty=on_empty, target_label=label), []))
        assert (found.holds, found.reason) == (holds, AlertReason.EMPTY_RESULT)
        assert "the query answers nothing" in found.message


@pytest.mark.parametrize(("on_empty", "holds"), [(OnEmpty.UNKNOWN, None), (OnEmpty.CLEAR, False)])
def test_a_target_that_the_answer_leaves_out_is_judged_by_on_empty_too(on_empty, holds):
    rule = asking(on_empty=on_empty, target_label="node")
    found = judge_query(rule, [series(0.1, node="n1")], known=[target("n1"), target("n2")])
    assert {subject.name: finding.holds for subject, finding in found.items()} == {"n1": False, "n2": holds}
    assert "node='n2'" in found[target("n2")].message


def test_an_answer_that_could_not_be_read_is_unknown_for_everything_that_is_alerting():
    lost = Unreadable("the source did not answer within 5 s")
    targets = judge_query(asking(target_label="node"), lost, known=[target("n1"), target("n2"), WHOLE])
    assert set(targets) == {target("n1"), target("n2")}
    for findings in (targets, judge_query(asking(target_label="node"), lost), judge_query(asking(), lost)):
        for finding in findings.values():
            assert (finding.holds, finding.reason) == (None, AlertReason.EVIDENCE_UNKNOWN)
            assert finding.message == "the source did not answer within 5 s"


def test_on_empty_does_not_speak_of_answers_that_could_not_be_read():
    found = only(judge_query(asking(on_empty=OnEmpty.CLEAR), Unreadable("refused")))
    assert found.holds is None


def test_series_without_the_target_label_are_nobodys():
    found = judge_query(asking(target_label="node"), [series(1.0, node="n1"), series(1.0, pod="p")])
    assert found[target("n1")].holds is True
    assert found[WHOLE].holds is None
    assert found[WHOLE].message == "1 of 2 series have no label node, so nobody knows whose they are"


def test_hostile_label_values_change_nothing_but_text():
    found = only(judge_query(asking(), [series(1.0, pool='x"}\n\x1b[2J', long="a" * 10_000)]))
    assert found.holds is True
    assert found.message.isprintable()
    assert '\\"}\\u000a\\u001b[2J' in found.message
    assert len(found.message) < 2 * MAX_LABEL_VALUE + 100


def test_many_labels_are_not_all_told():
    found = only(judge_query(asking(), [series(1.0, **{f"l{n}": "v" for n in range(9)})]))
    assert found.message.startswith('{l0="v", l1="v", l2="v", l3="v", l4="v", l5="v", …} is 1,')
    six = only(judge_query(asking(), [series(1.0, **{f"l{n}": "v" for n in range(6)})]))
    assert six.message.startswith('{l0="v", l1="v", l2="v", l3="v", l4="v", l5="v"} is 1,')


@given(
    values=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=6),
    op=st.sampled_from(list(Comparison)),
)
def test_a_series_that_says_nothing_never_decides(values, op):
    """With every NaN replaced by whatever it might be, what was told stays true."""
    told = only(judge_query(asking(op), [series(value) for value in values])).holds
    for instead in (-1e300, 0.9, 1e300):
        filled = [instead if math.isnan(value) else value for value in values]
        assert told in {None, only(judge_query(asking(op), [series(value) for value in filled])).holds}


def test_a_rule_of_another_kind_is_a_mistake():
    with pytest.raises(TypeError, match="rule blind is not about a query"):
        judge_query(a_rule(NoData(for_seconds=1), name="blind"), [])


def test_a_target_of_any_length_has_a_name_that_a_status_can_hold_and_is_the_same_when_read_back():
    long, other = "a" * 5000, "a" * 4999 + "b"
    found = judge_query(asking(target_label="pod"), [series(0.95, pod=long), series(0.5, pod=other)])
    assert len(found) == 2
    assert all(len(subject.name) <= MAX_LABEL_VALUE for subject in found)
    again = judge_query(asking(target_label="pod"), [series(0.95, pod=long)], known=list(found))
    assert found.keys() == again.keys()
