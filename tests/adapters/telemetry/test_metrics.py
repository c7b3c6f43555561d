from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from backstop.adapters.telemetry.prometheus import PrometheusTelemetry
from backstop.domain.assessment import GroupAssessment
from backstop.domain.evidence import Slice, unknown
from backstop.domain.verdict import follow_data, judge_budget
from backstop.vocabulary import BURN_WINDOWS, MAX_LABEL_VALUE, MAX_WINDOWS, Metric, Reason
from tests.builders import a_slo
from tests.engine.test_publisher import an_assessment


def samples(telemetry):
    return {
        (s.name, *sorted(s.labels.items())): s.value
        for family in text_string_to_metric_families(telemetry.render().decode())
        for s in family.samples
    }


def value(telemetry, name, **labels):
    return samples(telemetry).get((name, *sorted(labels.items())))


SLO = {"slo_namespace": "shop", "slo": "checkout"}


def test_numbers_of_an_slo_are_shown_as_ratios():
    telemetry = PrometheusTelemetry()
    telemetry.assessed(an_assessment(bad=100, burn={"5m": 2.0}), lag_seconds=0.1)
    assert value(telemetry, "backstop_slo_objective_ratio", **SLO) == 0.99
    assert value(telemetry, "backstop_sli_ratio", **SLO, window="1h") == pytest.approx(0.999)
    assert value(telemetry, "backstop_error_budget_remaining_ratio", **SLO, window="1h") == pytest.approx(0.9)
    assert value(telemetry, "backstop_burn_rate", **SLO, window="5m") == 2.0
    assert value(telemetry, "backstop_slo_state", **SLO, state="Healthy") == 1.0


def test_what_is_not_known_is_no_series():
    telemetry = PrometheusTelemetry()
    telemetry.assessed(an_assessment(burn={"5m": 2.0}), lag_seconds=0.1)
    telemetry.assessed(an_assessment(lost=Reason.NO_DATA), lag_seconds=0.1)
    assert value(telemetry, "backstop_sli_ratio", **SLO, window="1h") is None
    assert value(telemetry, "backstop_burn_rate", **SLO, window="5m") is None
    assert value(telemetry, "backstop_slo_state", **SLO, state="Unknown") == 1.0


def test_sealed_minutes_are_counted_by_result_and_unknown_time_apart():
    telemetry = PrometheusTelemetry()
    telemetry.sealed(a_slo(), Slice(90, 10), 60)
    telemetry.sealed(a_slo(), unknown(Reason.NO_DATA, "none"), 60)
    assert value(telemetry, "backstop_slo_events_total", **SLO, result="good") == 90
    assert value(telemetry, "backstop_slo_events_total", **SLO, result="bad") == 10
    assert value(telemetry, "backstop_slo_unknown_seconds_total", **SLO) == 60


def test_events_that_came_too_late_are_counted_apart():
    telemetry = PrometheusTelemetry()
    telemetry.sealed(a_slo(), Slice(90, 10), 60)
    assert value(telemetry, "backstop_slo_late_events_total", **SLO) == 0
    telemetry.late(a_slo(), 7.0)
    telemetry.late(a_slo(), 3.0)
    assert value(telemetry, "backstop_slo_late_events_total", **SLO) == 10
    assert value(telemetry, "backstop_slo_events_total", **SLO, result="good") == 90


def test_a_forgotten_slo_leaves_no_series_and_its_namesake_stays():
    telemetry = PrometheusTelemetry()
    other = replace(a_slo(), namespace="other")
    for slo in (a_slo(), other):
        telemetry.assessed(an_assessment(slo=slo), lag_seconds=0.1)
        telemetry.sealed(slo, Slice(1, 1), 60)
    telemetry.forgotten(a_slo())
    telemetry.forgotten(a_slo())
    text = telemetry.render().decode()
    assert 'slo_namespace="shop"' not in text
    assert 'slo_namespace="other"' in text


def grouped(*values, by=("region",), bad=100.0, data=None, windows=("1h",)):
    """Return the assessment of an SLO with one group per set of values."""
    whole = an_assessment(slo=a_slo(group_by=by), bad=bad)
    budgets = tuple(replace(whole.budgets[0], counts=replace(whole.budgets[0].counts, name=name)) for name in windows)
    groups = tuple(
        GroupAssessment(
            labels=dict(zip(by, group, strict=True)),
            budgets=budgets,
            burn_rates={"5m": 2.0},
            verdict=judge_budget(budgets, whole.data),
        )
        for group in values
    )
    return replace(whole, groups=groups, data=data or whole.data)


def test_a_group_has_the_numbers_of_an_slo_under_names_of_its_own():
    telemetry = PrometheusTelemetry()
    telemetry.assessed(grouped(("eu",), ("us",)), lag_seconds=0.1)
    eu = SLO | {"group_region": "eu"}
    assert value(telemetry, "backstop_slo_groups", **SLO) == 2
    assert value(telemetry, "backstop_group_objective_ratio", **eu) == 0.99
    assert value(telemetry, "backstop_group_sli_ratio", **eu, window="1h") == pytest.approx(0.999)
    assert value(telemetry, "backstop_group_error_budget_remaining_ratio", **eu, window="1h") == pytest.approx(0.9)
    assert value(telemetry, "backstop_group_window_coverage_ratio", **eu, window="1h") == 1.0
    assert value(telemetry, "backstop_group_burn_rate", **eu, window="5m") == 2.0
    assert value(telemetry, "backstop_group_state", **eu, state="Healthy") == 1.0
    assert value(telemetry, "backstop_group_state", **eu, state="Exhausted") == 0.0


def test_groups_are_not_counted_among_slos():
    telemetry = PrometheusTelemetry()
    telemetry.assessed(grouped(("eu",), ("us",)), lag_seconds=0.1)
    names = [name for name, *_ in samples(telemetry)]
    assert names.count("backstop_sli_ratio") == names.count("backstop_slo_objective_ratio") == 1
    assert names.count("backstop_group_sli_ratio") == 2


def test_an_slo_without_group_by_has_no_series_of_groups():
    telemetry = PrometheusTelemetry()
    telemetry.assessed(an_assessment(), lag_seconds=0.1)
    assert {name for name, *_ in samples(telemetry) if "group" in name} == set()


def test_what_is_not_known_of_a_group_is_no_series():
    telemetry = PrometheusTelemetry()
    lost = follow_data(None, unknown(Reason.NO_DATA, "none"), at=0.0, stale_after_seconds=120)
    telemetry.assessed(grouped(("eu",), data=lost), lag_seconds=0.1)
    names = {name for name, *_ in samples(telemetry)}
    assert not {"backstop_group_sli_ratio", "backstop_group_burn_rate"} & names
    assert "backstop_group_window_coverage_ratio" in names


HOSTILE = [
    'quote" and \\ back',
    "line\nbreak",
    "ünï→çødé",
    "",
    "x" * 10_000,
    "y" * 10_000,
    "half \ud800 pair",
    'a="b",c',
]


def test_hostile_values_of_labels_can_be_scraped_and_stay_apart():
    telemetry = PrometheusTelemetry()
    telemetry.assessed(grouped(*((value,) for value in HOSTILE)), lag_seconds=0.1)
    shown = {dict(key[1:])["group_region"] for key in samples(telemetry) if key[0] == "backstop_group_objective_ratio"}
    assert len(shown) == len(HOSTILE)
    assert set(HOSTILE[:4]) <= shown
    assert max(len(value) for value in shown) == MAX_LABEL_VALUE


def test_a_group_has_at_most_twelve_series_and_three_per_window_so_that_an_slo_is_bounded():
    telemetry = PrometheusTelemetry()
    windows = tuple(f"w{n}" for n in range(MAX_WINDOWS))
    one = grouped(("eu",), windows=windows)
    burning = replace(one.groups[0], burn_rates=dict.fromkeys(BURN_WINDOWS, 1.0))
    telemetry.assessed(replace(one, groups=(burning,)), lag_seconds=0.1)
    assert sum(name.startswith("backstop_group_") for name, *_ in samples(telemetry)) == 12 + 3 * MAX_WINDOWS


def test_a_group_that_is_gone_and_an_slo_that_is_forgotten_leave_no_series():
    telemetry = PrometheusTelemetry()
    telemetry.assessed(grouped(("eu",), ("us",)), lag_seconds=0.1)
    telemetry.assessed(grouped(("us",)), lag_seconds=0.1)
    assert 'group_region="eu"' not in telemetry.render().decode()
    telemetry.forgotten(a_slo())
    assert "group_region" not in telemetry.render().decode()


def test_every_metric_of_the_vocabulary_exists_and_no_other():
    names = {family.name for family in text_string_to_metric_families(PrometheusTelemetry().render().decode())}
    assert {name for name in names if not name.endswith("_created")} == {
        metric.removesuffix("_total") for metric in Metric
    }


def test_incidents_are_counted_by_severity_and_state_and_their_phases_measured():
    telemetry = PrometheusTelemetry()
    telemetry.incidents({("P0", "Open"): 2})
    assert value(telemetry, Metric.INCIDENTS, severity="P0", state="Open") == 2
    telemetry.incidents({})
    assert value(telemetry, Metric.INCIDENTS, severity="P0", state="Open") == 0
    telemetry.incident_took("detect", 70.0)
    bucket = f"{Metric.INCIDENT_SECONDS}_bucket"
    assert value(telemetry, bucket, phase="detect", le="60.0") == 0
    assert value(telemetry, bucket, phase="detect", le="120.0") == 1
