"""Histories of one day in which series change their identity while their counters go on (semantics E4).

A pod with a million requests behind it is scraped every 15 s. At noon something happens that brings series with high
first values, of which none began to count.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Final

import numpy as np

from backstop.domain.slo import RatioIndicator
from tests.history.changes import Change, emptied, hidden, relabelled, twin, withheld
from tests.history.scenario import DAYS, STREAM_START, TEXT_START, Scenario, requests
from tests.history.scraping import Kind, Scraping, Target
from tests.history.series import NAME
from tests.history.traffic import DAY, at_rate, steady

HOUR: Final = 3600.0
BEFORE: Final = 10 * DAY  # how long the process had run
NOON: Final = 12 * HOUR + 7.0


def _a_day(name: str, change: Callable[[float], Change], *, text: bool = False, **select: str) -> Scenario:
    """Return a day with a change at noon. `select` are labels that the SLO's selectors have beside the code."""
    start = (TEXT_START if text else STREAM_START) + DAYS * DAY + HOUR
    at = start + NOON
    scenario = requests(
        name,
        "",
        targets=[
            Target(job=name, instance=f"{name}:8080", lives=[(start - BEFORE, start + DAY)], known=(start, np.inf))
        ],
        how=Scraping(interval=15, markers=not text),
        kinds={
            "200": Kind(good=True, happen=at_rate(steady(1.0))),
            "500": Kind(good=False, happen=at_rate(steady(0.2))),
        },
        start=start,
        end=start + DAY,
        seed=sum(map(ord, name)),
    )
    metric = scenario.total[NAME]
    return replace(
        scenario,
        series=change(at)(scenario.series),
        indicator=RatioIndicator(total=_selector(metric, select), bad=_selector(metric, {**select, "code": "500"})),
        total={NAME: metric, **select},
        part={NAME: metric, **select, "code": "500"},
    )


def _selector(metric: str, labels: Mapping[str, str]) -> str:
    return metric + "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def _days() -> dict[str, Scenario]:
    added = {"region": "eu"}
    days: dict[str, tuple[Callable[[float], Change], dict[str, str]]] = {
        "label_added_to_counters": (lambda at: relabelled(at, added, target=False), {}),
        "label_added_to_target": (lambda at: relabelled(at, added, target=True), {}),
        "label_that_the_slo_selects": (lambda at: relabelled(at, added, target=False), added),
        "target_label_that_the_slo_selects": (lambda at: relabelled(at, added, target=True), added),
        "job_renamed": (lambda at: relabelled(at, {"job": "renamed"}, target=True), {}),
        "prometheus_emptied": (emptied, {}),
        "second_prometheus": (lambda at: twin(at, {"replica": "b"}), {}),
        "samples_come_late": (lambda at: withheld(at, at + 600), {}),
        "exporter_flaps": (lambda at: hidden(at, at + 600), {}),
    }
    return {name: _a_day(name, change, **select) for name, (change, select) in days.items()} | {
        "label_added_without_markers": _a_day(
            "label_added_without_markers", lambda at: relabelled(at, added, target=False, markers=False), text=True
        )
    }


@cache
def identities() -> tuple[Scenario, ...]:
    """Return all of them."""
    return tuple(_days().values())


NAMES: Final = (
    "label_added_to_counters",
    "label_added_to_target",
    "label_that_the_slo_selects",
    "target_label_that_the_slo_selects",
    "job_renamed",
    "prometheus_emptied",
    "second_prometheus",
    "samples_come_late",
    "exporter_flaps",
    "label_added_without_markers",
)
