"""Asks about slices: plainly first, and for details only where a count is not plain."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from backstop.domain.slo import Uid
from backstop.engine.asking import Answered, Failure, Outcome, Round
from backstop.engine.planner import Question
from backstop.engine.readings import needs_detail


@dataclass(frozen=True, slots=True)
class SliceAsked:
    """A question about a slice, and the terms for details that may have to be asked after it."""

    first: Question
    detail: Callable[[], Mapping[str, str]] | None


async def ask_slices(asking: Round, questions: Sequence[SliceAsked]) -> Answered:
    """Ask about slices, and for details where a count is not plain; an answer without those is a failure."""
    answered = await asking.ask(question.first for question in questions)
    details = {_key(question.first): question.detail for question in questions}
    wanted = [
        replace(question, terms=detail())
        for question, outcome in answered
        if not isinstance(outcome, Failure)
        and (detail := details[_key(question)]) is not None
        and needs_detail(sample.value for samples in outcome.values() for sample in samples)
    ]
    told = {_key(question): outcome for question, outcome in await asking.ask(wanted)}

    def whole(question: Question, outcome: Outcome) -> Outcome:
        more = told.get(_key(question))
        if more is None or isinstance(outcome, Failure):
            return outcome
        return more if isinstance(more, Failure) else {**outcome, **more}

    return [(question, whole(question, outcome)) for question, outcome in answered]


def by_uid_and_end(answered: Answered) -> dict[str, dict[float, dict[str, Outcome]]]:
    """Sort outcomes by SLO, by the end of their slice, and by the place of what was asked about in its composite."""
    found: dict[str, dict[float, dict[str, Outcome]]] = {}
    for question, outcome in answered:
        found.setdefault(question.uid, {}).setdefault(question.at, {})[question.place] = outcome
    return found


def _key(question: Question) -> tuple[Uid, float, str]:
    return question.uid, question.at, question.place
