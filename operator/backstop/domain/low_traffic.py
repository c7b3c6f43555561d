"""Whether a window holds enough events to prove that an error ratio is exceeded (semantics A3).

On a quiet service one failed request is a burn rate of hundreds, and says next to nothing. A rule that looks at a
window asks here before it fires: what may be chance stays pending, with its numbers. It is never called clear.

Assumed is that events fail independently. A client that tries three times makes one failure into three bad events;
for that there is `minimumEvents`. Worked examples and measurements: docs/explanation/low-traffic.md.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from backstop.domain.binomial import upper_tail
from backstop.domain.duration import format_duration
from backstop.domain.ring import Floats
from backstop.domain.slo import Evaluation

LEAST_BAD_EVENTS: Final = 2  # however unlikely: one failed request is never proof
# Counts are differences of cumulative floats: what is nearer than this to a whole number is that number.
COUNT_TOLERANCE: Final = 1e-6


class Proof(StrEnum):
    """What a window says of an error ratio that must not be exceeded: yes, not yet, no."""

    PROVEN = "Proven"
    LOW_TRAFFIC = "LowTraffic"  # exceeded as counted, by so few events that it may be chance: pending, never clear
    NOT_EXCEEDED = "NotExceeded"


class Grounds(StrEnum):
    """Why a proof came out as it did; the order is that of the checks."""

    NO_BAD_EVENT = "NoBadEvent"
    UNDER_THRESHOLD = "UnderThreshold"
    ALL_BAD = "AllBad"  # bad events and no good one for evaluation.allBadFor: proven, however few
    FEW_EVENTS = "FewEvents"  # fewer than evaluation.minimumEvents
    FEW_BAD_EVENTS = "FewBadEvents"  # a single one
    UNLIKELY = "Unlikely"  # by chance with a probability of at most 1 − evaluation.confidence: proven
    MAY_BE_CHANCE = "MayBeChance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A proof or none, why, and the whole numbers that were tested. `message` is for people and has the numbers.

    `p_value` is the probability of so many bad events or more at exactly the threshold; None where it does not count.
    """

    proof: Proof
    grounds: Grounds
    message: str
    bad: int
    events: int
    p_value: float | None = None


def has_few_events(events: float, evaluation: Evaluation) -> bool:
    """Tell whether a window holds fewer events than `evaluation.minimumEvents` asks for."""
    return events + COUNT_TOLERANCE < evaluation.minimum_events


def prove_exceeded(
    *, good: float, bad: float, threshold_ratio: float, all_bad_seconds: float, evaluation: Evaluation
) -> Judgement:
    """Return whether the counts of a rule's long window prove that its error ratio is at the threshold or above.

    `threshold_ratio` is p0 = burn rate factor × (1 − target). `all_bad_seconds` comes from the function of that name.
    The test is the exact binomial one, one-sided: P(X ≥ bad) of all events at p0. Counts that are not whole are rounded
    so that they prove less: bad events down, good ones up.

    Raises ValueError, with the name, for counts and times that are negative or not finite, and for a threshold or
    confidence outside of 0 to 1. No ratio exceeds a threshold of 1 or more: such a rule could never fire, so it is
    refused where it is read (semantics A1 allows up to 0.8) and an error here.
    """
    _refuse_what_is_no_input(good, bad, threshold_ratio, all_bad_seconds, evaluation)
    whole_bad = math.floor(bad + COUNT_TOLERANCE)
    whole_events = whole_bad + math.ceil(good - COUNT_TOLERANCE)

    def found(proof: Proof, grounds: Grounds, message: str, p_value: float | None = None) -> Judgement:
        return Judgement(
            proof=proof, grounds=grounds, message=message, bad=whole_bad, events=whole_events, p_value=p_value
        )

    counted, threshold = f"{whole_bad} bad of {whole_events} events", f"{threshold_ratio * 100:g} %"
    if bad <= COUNT_TOLERANCE:
        return found(Proof.NOT_EXCEEDED, Grounds.NO_BAD_EVENT, counted)
    if bad + COUNT_TOLERANCE < threshold_ratio * (good + bad):
        message = f"{counted} are under {threshold}"
        return found(Proof.NOT_EXCEEDED, Grounds.UNDER_THRESHOLD, message)
    if all_bad_seconds >= evaluation.all_bad_for_seconds:
        lasted, limit = format_duration(int(all_bad_seconds)), format_duration(round(evaluation.all_bad_for_seconds))
        return found(Proof.PROVEN, Grounds.ALL_BAD, f"{counted}; no good one for {lasted}, allBadFor is {limit}")
    if has_few_events(good + bad, evaluation):
        message = f"{counted}; minimumEvents asks for {evaluation.minimum_events}"
        return found(Proof.LOW_TRAFFIC, Grounds.FEW_EVENTS, message)
    if whole_bad < LEAST_BAD_EVENTS:
        message = f"{counted}; at least {LEAST_BAD_EVENTS} bad ones are needed"
        return found(Proof.LOW_TRAFFIC, Grounds.FEW_BAD_EVENTS, message)
    p_value = upper_tail(whole_bad, trials=whole_events, probability=threshold_ratio)
    allowed = 1 - evaluation.confidence
    chance = f"{counted}; at {threshold} chance makes as many with a probability of {p_value:.2g}"
    if p_value <= allowed:
        return found(Proof.PROVEN, Grounds.UNLIKELY, f"{chance}, at most {allowed:.2g}", p_value)
    return found(Proof.LOW_TRAFFIC, Grounds.MAY_BE_CHANCE, f"{chance}, more than {allowed:.2g}", p_value)


def all_bad_seconds(boundaries: Floats, good: Floats, bad: Floats, unknown_seconds: Floats) -> float:
    """Return for how long bad events have come and no good one: from the first since the last good one to the latest.

    The arguments are cumulative values at ascending boundaries (unix seconds), the last at the present. Known to one
    slice: it is the time between the ends of the two slices. 0 with bad events in fewer than two slices. Silence after
    the latest bad event does not count, as no traffic is neither good nor bad; unknown time ends the run, as a good
    event may hide in it.
    """
    if not len(boundaries) == len(good) == len(bad) == len(unknown_seconds):
        raise ValueError("boundaries, good, bad and unknown_seconds must be equally many")
    interrupted = (np.diff(good) > COUNT_TOLERANCE) | (np.diff(unknown_seconds) > COUNT_TOLERANCE)
    since = int(np.flatnonzero(interrupted)[-1]) + 1 if interrupted.any() else 0
    slices = since + np.flatnonzero(np.diff(bad)[since:] > COUNT_TOLERANCE)
    return float(boundaries[slices[-1] + 1] - boundaries[slices[0] + 1]) if len(slices) else 0.0


def _refuse_what_is_no_input(
    good: float, bad: float, threshold_ratio: float, all_bad_for: float, evaluation: Evaluation
) -> None:
    for name, value in (
        ("good", good),
        ("bad", bad),
        ("all_bad_seconds", all_bad_for),
        ("evaluation.minimum_events", evaluation.minimum_events),
    ):
        if not -COUNT_TOLERANCE <= value < math.inf:  # a difference of floats may be a hair under 0
            raise ValueError(f"{name} {value:g} must be a finite number, 0 or more")
    if not 0 < evaluation.all_bad_for_seconds < math.inf:
        raise ValueError(f"evaluation.all_bad_for_seconds {evaluation.all_bad_for_seconds} must be above 0 and finite")
    if not 0 < evaluation.confidence < 1:
        raise ValueError(f"evaluation.confidence {evaluation.confidence} must be above 0 and below 1")
    if not 0 < threshold_ratio < 1:
        raise ValueError(
            f"threshold_ratio {threshold_ratio:g} must be above 0 and below 1; no error ratio exceeds 1, so such a rule"
            " never fires: lower its burn rate factor"
        )
