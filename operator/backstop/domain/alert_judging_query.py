"""Judges rules that compare the answer of a PromQL query (semantics E3). NaN says nothing; so does an empty answer."""

import math
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from backstop.domain.alert import Finding, Subject, SubjectKind
from backstop.domain.alert_facts import SampleFacts, Unreadable
from backstop.domain.alert_judging import cannot_tell
from backstop.domain.alert_policy import OnEmpty, Query, Rule
from backstop.domain.label_value import shown_value
from backstop.domain.slo import Comparison
from backstop.vocabulary import AlertReason

_COMPARE: Final[Mapping[Comparison, Callable[[float, float], bool]]] = {
    Comparison.LT: operator.lt,
    Comparison.LTE: operator.le,
    Comparison.GT: operator.gt,
    Comparison.GTE: operator.ge,
    Comparison.EQ: operator.eq,
    Comparison.NE: operator.ne,
}
_SIGNS: Final = {
    Comparison.LT: "<",
    Comparison.LTE: "≤",
    Comparison.GT: ">",
    Comparison.GTE: "≥",
    Comparison.EQ: "=",
    Comparison.NE: "≠",
}
_LOWER_IS_WORSE: Final = frozenset({Comparison.LT, Comparison.LTE})
_SHOWN_LABELS: Final = 6  # of the worst series, in a message


def judge_query(
    rule: Rule, samples: Sequence[SampleFacts] | Unreadable, known: Collection[Subject] = ()
) -> dict[Subject, Finding]:
    """Return a finding for each subject of a query rule.

    Without `targetLabel` all series are one subject: it holds if any of them crosses. With it each of the label's
    values is one, and so is every value in `known`, the subjects whose alerts are pending or firing: one that the
    answer leaves out is judged by `onEmpty`. What cannot be told of any value is told of the rule itself, subject
    `Query/<rule>`. Subjects that are not returned have nothing more to say.
    """
    when = rule.when
    if not isinstance(when, Query):
        raise TypeError(f"rule {rule.name} is not about a query")
    whole = Subject(kind=SubjectKind.QUERY, name=rule.name)
    targets = sorted((s for s in known if s.kind is SubjectKind.TARGET), key=lambda s: s.name)
    if isinstance(samples, Unreadable):
        lost = cannot_tell(samples.message)
        return dict.fromkeys(targets, lost) if when.target_label and targets else {whole: lost}
    if when.target_label is None:
        return {whole: _of_series(samples, when) if samples else _empty(when, "the query answers nothing")}
    by_target: dict[str, list[SampleFacts]] = {}
    for sample in samples:
        # as it is shown: the status has no room for values of any length, and what it says is read back
        by_target.setdefault(shown_value(sample.labels.get(when.target_label, "")), []).append(sample)
    nameless = by_target.pop("", [])
    found = {Subject(kind=SubjectKind.TARGET, name=name): _of_series(s, when) for name, s in sorted(by_target.items())}
    for target in targets:
        name = f"{when.target_label}={target.name!r}"
        found.setdefault(target, _empty(when, f"the query answers nothing for {name}"))
    if nameless:
        count = f"{len(nameless)} of {len(samples)} series"
        found[whole] = cannot_tell(f"{count} have no label {when.target_label}, so nobody knows whose they are")
    elif not found:
        found[whole] = _empty(when, "the query answers nothing")
    return found


def _empty(when: Query, message: str) -> Finding:
    if when.on_empty is OnEmpty.CLEAR:
        message = f"{message}, which onEmpty calls clear"
        return Finding(holds=False, reason=AlertReason.EMPTY_RESULT, message=message)
    return cannot_tell(f"{message}; onEmpty tells what that means", AlertReason.EMPTY_RESULT)


def _of_series(samples: Sequence[SampleFacts], when: Query) -> Finding:
    """Judge series that are about the same thing: the worst one tells, and one that says nothing may hide a worse."""
    limit, crosses = float(when.value), _COMPARE[when.op]
    numbers = [s for s in samples if not math.isnan(s.value)]
    crossing = [s for s in numbers if crosses(s.value, limit)]
    silent = len(samples) - len(numbers)
    if crossing or not silent:
        worst = _worst(crossing or numbers, when.op)
        relation = "is" if crossing else "is not"
        message = f"{_named(worst)} is {worst.value:g}, which {relation} {_SIGNS[when.op]} {limit:g}"
        if len(samples) > 1:
            message = f"{message}; {len(crossing)} of {len(samples)} series"
        return Finding(
            holds=bool(crossing),
            reason=AlertReason.THRESHOLD_CROSSED if crossing else AlertReason.THRESHOLD_NOT_CROSSED,
            message=message,
            numbers=_finite({"value": worst.value, "limit": limit, "series": len(samples), "crossing": len(crossing)}),
        )
    return cannot_tell(f"{silent} of {len(samples)} series are NaN, and none of the others {_SIGNS[when.op]} {limit:g}")


def _worst(samples: Sequence[SampleFacts], op: Comparison) -> SampleFacts:
    """Return the series that is farthest on the bad side; between equals the first by its labels, so that it stays."""
    sign = -1.0 if op in _LOWER_IS_WORSE else 1.0
    return min(samples, key=lambda sample: (-sign * sample.value, sorted(sample.labels.items())))


def _named(sample: SampleFacts) -> str:
    """Return a series as people write it. Values of labels are data of strangers: bounded, quoted, on one line."""
    labels = [(key, value) for key, value in sorted(sample.labels.items()) if key != "__name__"]
    shown = ", ".join(f"{key}={_quoted(value)}" for key, value in labels[:_SHOWN_LABELS])
    more = ", …" if len(labels) > _SHOWN_LABELS else ""
    return f"{shown_value(sample.labels.get('__name__', ''))}{{{shown}{more}}}" if labels else "the value"


def _quoted(value: str) -> str:
    text = shown_value(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text) + '"'


def _finite(numbers: Mapping[str, float]) -> dict[str, float]:
    """JSON has no infinity."""
    return {name: value for name, value in numbers.items() if math.isfinite(value)}
