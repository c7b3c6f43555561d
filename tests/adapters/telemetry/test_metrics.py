from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from backstop.adapters.telemetry.prometheus import PrometheusTelemetry
from backstop.domain.evidence import Slice, unknown
from backstop.vocabulary import Metric, Reason
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


def test_every_metric_of_the_vocabulary_exists_and_no_other():
    names = {family.name for family in text_string_to_metric_families(PrometheusTelemetry().render().decode())}
    assert {name for name in names if not name.endswith("_created")} == {
        metric.removesuffix("_total") for metric in Metric
    }
