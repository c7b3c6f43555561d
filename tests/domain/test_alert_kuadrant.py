"""The published alert tests of Kuadrant: the same series through a policy of ours come to the same verdicts.

Theirs are rules that Sloth generated, with the same four pairs of windows. Slices are counted here by the plainest
means, differences of counters from one minute to the next; that the operator counts so is shown elsewhere.
"""

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from backstop.domain.alert import AlertState
from backstop.domain.alert_judging import for_seconds
from backstop.domain.alert_judging_slo import judge_slo_rule
from backstop.domain.alert_policy import Severity
from backstop.domain.alert_state import advance
from tests.domain.alert_builders import an_slo, evidence, in_force

FILE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "kuadrant-slo-tests" / "verdicts.json"
PAGES, TICKETS = (Severity.P0, Severity.P1), (Severity.P2, Severity.P3)
STEP = re.compile(r"(\d+)\+(\d+)x(\d+)")
MATCHER = re.compile(r'(\w+)(=~|=)"([^"]*)"')


def cases() -> list[Any]:
    if not FILE.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="../shared/data/kuadrant-slo-tests is not there"))]
    return [pytest.param(case, id=case["id"]) for case in json.loads(FILE.read_text(encoding="utf-8"))["cases"]]


def values(text: str) -> list[float]:
    """Return the samples that promtool's notation stands for: `0+10x30` are 31, from 0 in steps of 10."""
    return [float(start) + float(step) * n for start, step, count in STEP.findall(text) for n in range(int(count) + 1)]


def matches(selector: str, series: str) -> bool:
    name, labels = series.split("{", 1)[0], {key: value for key, _, value in MATCHER.findall(series)}
    return selector.split("{", 1)[0] == name and all(
        re.fullmatch(value if op == "=~" else re.escape(value), labels.get(key, ""))
        for key, op, value in MATCHER.findall(selector)
    )


def increments(case: dict[str, Any], selector: str) -> list[float]:
    """Return the increase per minute of all series that a selector matches."""
    columns = [values(each["values"]) for each in case["series"] if matches(selector, each["series"])]
    assert columns, selector
    return [sum(column) for column in zip(*([b - a for a, b in pairwise(column)] for column in columns), strict=True)]


@dataclass(frozen=True)
class Minutes:
    """What happened in each minute; before the first nothing is known."""

    good: list[float]
    bad: list[float]

    def until(self, minute: int):
        def counting(seconds: float) -> tuple[float, float, float]:
            first = max(minute - round(seconds / 60), 0)
            known = slice(first, minute)
            return sum(self.good[known]), sum(self.bad[known]), max(seconds - 60 * (minute - first), 0.0)

        return counting


def minutes(case: dict[str, Any]) -> Minutes:
    total = increments(case, case["total_events"])
    if "good_events" in case:
        good = increments(case, case["good_events"])
        return Minutes(good, [a - g for a, g in zip(total, good, strict=True)])
    bad = increments(case, case["error_events"])
    return Minutes([a - b for a, b in zip(total, bad, strict=True)], bad)


@pytest.mark.parametrize("case", cases())
def test_the_same_series_come_to_the_same_verdicts(case):
    slo = an_slo(str(Decimal(str(case["objective"])) * 100), f"{case['window_days']}d")
    tiers = in_force(None, slo, preset="google-sre")
    seen = minutes(case)
    states: dict[str, AlertState | None] = {tier.rule.name: None for tier in tiers}
    verdicts = {}
    for minute in range(1, len(seen.good) + 1):
        known = evidence(tiers, slo, seen.until(minute), at=60.0 * minute)
        for tier in tiers:
            states[tier.rule.name] = advance(
                states[tier.rule.name],
                judge_slo_rule(tier, known),
                for_seconds=for_seconds(tier.rule),
                keep_firing_seconds=tier.rule.keep_firing_seconds,
                at=60.0 * minute,
            )
        firing = {tier.rule.severity for tier in tiers if states[tier.rule.name].status == "Firing"}
        verdicts[minute] = {"page": bool(firing & {*PAGES}), "ticket": bool(firing & {*TICKETS})}
    for expected in case["expected"]:
        told = {key: expected[key] for key in ("page", "ticket")}
        assert verdicts[expected["at_minutes"]] == told, expected


@pytest.mark.skipif(not FILE.exists(), reason="../shared/data/kuadrant-slo-tests is not there")
def test_all_published_cases_were_tried():
    assert [case.id for case in cases()] == ["availability", "latency"]
