"""Prometheus's answers, taken apart by us: nothing of them is dropped, and nothing else is taken for one.

Format: https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from backstop.domain.errors import QueryRejected
from backstop.ports.metrics import InstantAnswer, RangeAnswer, Sample, Series

_STATUSES: Final = ("success", "error")  # no set: what a body has in their place need not be hashable


class NotPrometheus(Exception):
    """The body is no envelope of Prometheus's; the text says what is wrong with it."""


def parse_envelope(body: bytes) -> Mapping[str, Any]:
    """Return the envelope, of success or of error. Raises NotPrometheus."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise NotPrometheus(_kind_of(body)) from exc
    if not isinstance(document, dict) or document.get("status") not in _STATUSES:
        raise NotPrometheus("JSON of another kind")
    return document


def instant_answer(envelope: Mapping[str, Any]) -> InstantAnswer:
    """Return the samples of a vector, or the one of a scalar. Raises QueryRejected or NotPrometheus."""
    kind, result = _result(envelope)
    match kind:
        case "vector":
            samples = tuple(Sample(labels=_labels(item), value=_value(_point(item))) for item in _items(result))
        case "scalar":
            samples = (Sample(labels={}, value=_value(result)),)
        case "matrix":
            raise QueryRejected("the query answers with a range of samples; wrap it so that each series has one value")
        case "string":
            raise QueryRejected("the query answers with a string; a number is expected")
        case _:
            raise NotPrometheus(f"a result of type {kind!r}")
    return InstantAnswer(samples=samples, warnings=_texts(envelope, "warnings"), infos=_texts(envelope, "infos"))


def range_answer(envelope: Mapping[str, Any]) -> RangeAnswer:
    """Return the series of a matrix. Raises QueryRejected or NotPrometheus."""
    kind, result = _result(envelope)
    if kind != "matrix":
        raise NotPrometheus(f"a result of type {kind!r}")
    series = tuple(Series(labels=_labels(item), points=_points(item)) for item in _items(result))
    return RangeAnswer(series=series, warnings=_texts(envelope, "warnings"), infos=_texts(envelope, "infos"))


def _result(envelope: Mapping[str, Any]) -> tuple[Any, Any]:
    data = envelope.get("data")
    if not isinstance(data, dict):
        raise NotPrometheus("an envelope without data")
    return data.get("resultType"), data.get("result")


def _items(result: Any) -> list[Mapping[str, Any]]:
    if not isinstance(result, list) or not all(isinstance(item, dict) for item in result):
        raise NotPrometheus("an envelope without a list of series")
    return result


def _labels(item: Mapping[str, Any]) -> Mapping[str, str]:
    labels = item.get("metric")
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise NotPrometheus("a series without labels")
    return labels


def _point(item: Mapping[str, Any]) -> Any:
    if "histogram" in item:
        raise _native_histogram(item)
    return item.get("value")


def _points(item: Mapping[str, Any]) -> tuple[tuple[float, float], ...]:
    if "histograms" in item:
        raise _native_histogram(item)
    values = item.get("values")
    if not isinstance(values, list):
        raise NotPrometheus("a series without values")
    return tuple((_time(pair), _value(pair)) for pair in values)


def _native_histogram(item: Mapping[str, Any]) -> QueryRejected:
    name = _labels(item).get("__name__", "a series")
    return QueryRejected(
        f"{name} is a native histogram, not a number; "
        "wrap it with histogram_count(), histogram_sum() or histogram_fraction()"
    )


def _time(pair: Any) -> float:
    _check_pair(pair)
    try:
        return float(pair[0])
    except OverflowError as exc:
        raise NotPrometheus("a sample whose time is no number") from exc


def _value(pair: Any) -> float:
    """Return the value of `[time, "value"]`; NaN, +Inf and -Inf are values."""
    _check_pair(pair)
    try:
        return float(pair[1])
    except ValueError as exc:
        raise NotPrometheus("a sample that is no number") from exc


def _check_pair(pair: Any) -> None:
    match pair:
        case [int() | float(), str()]:
            return
        case _:
            raise NotPrometheus("a sample that is no pair of time and value")


def _texts(envelope: Mapping[str, Any], key: str) -> tuple[str, ...]:
    texts = envelope.get(key) or ()
    return tuple(str(text) for text in texts) if isinstance(texts, list) else ()


def _kind_of(body: bytes) -> str:
    start = body[:256].lstrip().lower()
    if not start:
        return "an empty body"
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return "a web page"
    return "incomplete JSON" if start.startswith((b"{", b"[")) else "something else than JSON"
