import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backstop.adapters.prometheus.envelope import NotPrometheus, instant_answer, parse_envelope, range_answer
from backstop.domain.errors import QueryRejected
from backstop.ports.metrics import InstantAnswer, RangeAnswer, Sample, Series


def envelope(kind, result, **more):
    return {"status": "success", "data": {"resultType": kind, "result": result}, **more}


def test_a_vector_is_its_samples_with_warnings_and_infos():
    answer = instant_answer(
        envelope("vector", [{"metric": {"a": "b"}, "value": [1.5, "2"]}], warnings=["partial"], infos=["gauge?"])
    )
    assert answer == InstantAnswer((Sample({"a": "b"}, 2.0),), ("partial",), ("gauge?",))


@pytest.mark.parametrize(("text", "value"), [("+Inf", math.inf), ("-Inf", -math.inf), ("1e-7", 1e-7), ("0", 0.0)])
def test_values_are_numbers_infinite_ones_too(text, value):
    assert instant_answer(envelope("scalar", [1, text])).samples == (Sample({}, value),)


def test_nan_is_a_value():
    (sample,) = instant_answer(envelope("scalar", [1, "NaN"])).samples
    assert math.isnan(sample.value)


def test_a_matrix_is_its_series():
    answer = range_answer(envelope("matrix", [{"metric": {}, "values": [[1, "2"], [1.5, "NaN"]]}], warnings=["w"]))
    assert isinstance(answer, RangeAnswer)
    assert answer.series[0].points[0] == (1.0, 2.0)
    assert math.isnan(answer.series[0].points[1][1])
    assert answer.warnings == ("w",)


def test_an_empty_answer_has_nothing():
    assert instant_answer(envelope("vector", [])) == InstantAnswer(())
    assert range_answer(envelope("matrix", [])) == RangeAnswer(())


@pytest.mark.parametrize(
    ("kind", "result", "words"),
    [
        ("matrix", [], "range of samples; wrap it"),
        ("string", [1, "x"], "a string; a number is expected"),
        ("vector", [{"metric": {"__name__": "latency"}, "histogram": [1, {}]}], "latency is a native histogram"),
        ("vector", [{"metric": {}, "histogram": [1, {}]}], "a series is a native histogram"),
    ],
)
def test_an_instant_answer_that_is_no_number_per_series_rejects_the_query(kind, result, words):
    with pytest.raises(QueryRejected, match=words):
        instant_answer(envelope(kind, result))


def test_a_native_histogram_in_a_range_rejects_the_query_with_the_functions_to_use():
    with pytest.raises(QueryRejected, match=r"histogram_count\(\).*histogram_fraction\(\)"):
        range_answer(envelope("matrix", [{"metric": {}, "values": [], "histograms": [[1, {}]]}]))


@pytest.mark.parametrize(
    "document",
    [
        {"status": "success"},
        {"status": "success", "data": None},
        {"status": "success", "data": []},
        envelope("vector", None),
        envelope("vector", {}),
        envelope("vector", ["a"]),
        envelope("vector", [{}]),
        envelope("vector", [{"metric": {"a": 1}, "value": [1, "1"]}]),
        envelope("vector", [{"metric": {}}]),
        envelope("vector", [{"metric": {}, "value": [1]}]),
        envelope("vector", [{"metric": {}, "value": [1, 2]}]),
        envelope("vector", [{"metric": {}, "value": ["1", "1"]}]),
        envelope("vector", [{"metric": {}, "value": [1, "one"]}]),
        envelope("scalar", None),
        envelope("streams", []),
        envelope(None, []),
    ],
)
def test_an_answer_of_another_shape_is_not_prometheuss(document):
    with pytest.raises(NotPrometheus):
        instant_answer(document)


@pytest.mark.parametrize(
    "document",
    [
        envelope("vector", []),
        envelope("matrix", [{"metric": {}}]),
        envelope("matrix", [{"metric": {}, "values": [[1]]}]),
        envelope("matrix", [{"metric": {}, "values": {"a": 1}}]),
        envelope("matrix", [{"metric": {}, "values": [[10**400, "1"]]}]),
    ],
)
def test_a_range_of_another_shape_is_not_prometheuss(document):
    with pytest.raises(NotPrometheus):
        range_answer(document)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "an empty body"),
        (b" \n<!DOCTYPE html><html>", "a web page"),
        (b"<html>", "a web page"),
        (b'{"status": "succ', "incomplete JSON"),
        (b"Prometheus is Ready.", "something else than JSON"),
        (b"\xff\xfe\x00", "something else than JSON"),
        (b"[" * 100_000, "incomplete JSON"),
        (b"[]", "JSON of another kind"),
        (b'{"status": "ok"}', "JSON of another kind"),
        (b'{"status": ["success"]}', "JSON of another kind"),
        (b"null", "JSON of another kind"),
    ],
)
def test_a_body_that_is_no_envelope_is_told_by_its_kind(body, words):
    with pytest.raises(NotPrometheus, match=words):
        parse_envelope(body)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["metric", "value", "values", "x"]), inner)
    ),
    max_leaves=10,
)


@given(kind=st.sampled_from(["vector", "scalar", "matrix"]), result=JSON_VALUES, texts=JSON_VALUES)
def test_whatever_comes_is_an_answer_or_one_of_two_errors(kind, result, texts):
    document = parse_envelope(json.dumps(envelope(kind, result, warnings=texts)).encode())
    for parse in (instant_answer, range_answer):
        try:
            answer = parse(document)
        except (NotPrometheus, QueryRejected):
            continue
        for sample in getattr(answer, "samples", ()):
            assert isinstance(sample, Sample)
        for series in getattr(answer, "series", ()):
            assert isinstance(series, Series)
