"""Fuses the questions of many SLOs into few queries, and takes the answers apart again.

Every term of every question gets a marker label; the union by `or` of all terms is one query. Questions that failed in
company are asked alone, so that one bad expression cannot spoil its batch (the evaluator decides that).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from backstop.domain.errors import SourceUnreachable
from backstop.domain.slo import Uid
from backstop.ports.metrics import Sample, Series

MARKER: Final = "backstop_term"
MAX_QUESTIONS: Final = 32  # an error costs asking so many alone
MAX_LENGTH: Final = 48_000  # characters; proxies before a Prometheus often stop at 64 KiB of body


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """PromQL terms by name, to be evaluated at one instant (None: where only the range matters)."""

    uid: Uid
    at: float
    terms: Mapping[str, str]
    alone: bool = False
    most_series: int = 2  # of one term that are worth reading: one more than is right tells that it is wrong
    place: str = ""  # of what is asked about in its composite


NOT_OURS: Final = "the answer holds series that were not asked for; is something between us caching?"
Answer = Mapping[str, tuple[Sample, ...]]  # samples by term; a term without data is absent


@dataclass(frozen=True, slots=True)
class Batch:
    """Questions of the same instant that travel in one query."""

    at: float
    questions: tuple[Question, ...]

    @property
    def expression(self) -> str:
        return fuse(self.questions)


def plan(questions: Iterable[Question]) -> list[Batch]:
    """Return batches of questions that share their instant, bounded in number and length."""
    by_instant: dict[float, list[Question]] = {}
    batches = []
    for question in questions:
        if question.alone:
            batches.append(Batch(question.at, (question,)))
        else:
            by_instant.setdefault(question.at, []).append(question)
    for at, group in by_instant.items():
        part: list[Question] = []
        length = 0
        for question in group:
            size = sum(len(term) + 60 for term in question.terms.values())
            if part and (len(part) >= MAX_QUESTIONS or length + size > MAX_LENGTH):
                batches.append(Batch(at, tuple(part)))
                part, length = [], 0
            part.append(question)
            length += size
        batches.append(Batch(at, tuple(part)))
    return batches


def fuse(questions: Sequence[Question]) -> str:
    """Return one expression whose series carry `index:term` in the marker label."""
    return " or ".join(
        f'label_replace({_bounded(name, term, question.most_series)}, "{MARKER}", "{index}:{name}", "", "")'
        for index, question in enumerate(questions)
        for name, term in question.terms.items()
    )


def _bounded(name: str, term: str, most: int) -> str:
    # topk keeps a query that returns thousands of series, where one is expected, from filling the answer. Lists of
    # buckets are meant to be lists.
    return term if name.startswith("list_") else f"topk({most}, {term})"


def take_apart(batch: Batch, samples: Iterable[Sample]) -> list[Answer]:
    """Return one answer per question of the batch, in its order. Raises SourceUnreachable for an answer to another."""
    answers: list[dict[str, tuple[Sample, ...]]] = [{} for _ in batch.questions]
    for sample in samples:
        index, _, name = sample.labels.get(MARKER, "").partition(":")
        if not (index.isascii() and index.isdigit() and int(index) < len(answers)):
            raise SourceUnreachable(NOT_OURS)
        answer = answers[int(index)]
        answer[name] = (*answer.get(name, ()), sample)
    return answers  # type: ignore[return-value]  # list is invariant; nobody writes to it


def series_by_term(question: Question, series: Iterable[Series]) -> dict[str, tuple[Series, ...]]:
    """Return the series of a range answer to one fused question, by term. Raises as `take_apart`."""
    found: dict[str, tuple[Series, ...]] = {}
    for one in series:
        index, _, name = one.labels.get(MARKER, "").partition(":")
        if index != "0" or name not in question.terms:
            raise SourceUnreachable(NOT_OURS)
        found[name] = (*found.get(name, ()), one)
    return found
