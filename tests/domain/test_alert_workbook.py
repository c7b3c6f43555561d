"""Which tier fires after how long, held against the arithmetic of the SRE workbook: 99.9 % over 30 days.

An error ratio e that lasts for t fills a long window of length L to e × t ÷ L, so a tier of factor f fires after
t = f × (1 − target) × L ÷ e, and never where e < f × (1 − target). The short window, a twelfth, is over its limit
twelve times as soon, and under it again S × (1 − f × (1 − target) ÷ e) after the errors end.
"""

import pytest

from backstop.domain.alert_judging_slo import judge_slo_rule
from backstop.domain.duration import parse_duration
from tests.domain.alert_builders import an_slo, evidence, in_force, outage, steady

TICK = 10.0
SLO = an_slo("99.9", "30d")
TIERS = {each.rule.name: each for each in in_force(None, SLO, preset="google-sre")}
FACTORS = {
    "google-sre-1h": (14.4, "1h"),
    "google-sre-6h": (6, "6h"),
    "google-sre-1d": (3, "1d"),
    "google-sre-3d": (1, "3d"),
}
# By how much longer it takes until the guard of low traffic is sure: at 1,000 requests a second hardly anything.
SURE = 1.03


def holds(name, counting):
    tier = TIERS[name]
    found = judge_slo_rule(tier, evidence([tier], SLO, counting))
    return found.holds is True and not found.guarded


def fires_after(name, error_ratio, until):
    """Return the first tick at which the tier fires; None: not until then. What holds goes on to hold."""
    low, high = 0, round(until / TICK)
    if not holds(name, outage(error_ratio, high * TICK)):
        return None
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(name, outage(error_ratio, middle * TICK)) else (middle, high)
    return high * TICK


@pytest.mark.parametrize(
    ("error_ratio", "name", "expected"),
    [
        (1.0, "google-sre-1h", "51s840ms"),
        (1.0, "google-sre-6h", "2m9s600ms"),
        (1.0, "google-sre-1d", "4m19s200ms"),
        (1.0, "google-sre-3d", "4m19s200ms"),
        (0.1, "google-sre-1h", "8m38s400ms"),
        (0.1, "google-sre-6h", "21m36s"),
        (0.1, "google-sre-1d", "43m12s"),
        (0.1, "google-sre-3d", "43m12s"),
        (0.01, "google-sre-1h", None),
        (0.01, "google-sre-6h", "3h36m"),
        (0.01, "google-sre-1d", "7h12m"),
        (0.01, "google-sre-3d", "7h12m"),
        (0.002, "google-sre-1h", None),
        (0.002, "google-sre-6h", None),
        (0.002, "google-sre-1d", None),
        (0.002, "google-sre-3d", "1d12h"),
    ],
)
def test_a_tier_fires_when_the_workbook_says(error_ratio, name, expected):
    factor, long = FACTORS[name]
    measured = fires_after(name, error_ratio, until=7 * 86_400)
    if expected is None:
        assert error_ratio < factor * 0.001
        assert measured is None
        return
    closed_form = factor * 0.001 * parse_duration(long) / error_ratio
    assert closed_form == pytest.approx(parse_duration(expected))
    assert closed_form <= measured <= closed_form * SURE + TICK


@pytest.mark.parametrize(
    ("name", "short", "factor"),
    [
        ("google-sre-1h", 300, 14.4),
        ("google-sre-6h", 1800, 6),
        ("google-sre-1d", 7200, 3),
        ("google-sre-3d", 21_600, 1),
    ],
)
def test_a_spike_resets_as_soon_as_the_short_window_has_forgotten_it(name, short, factor):
    spike, clean_after = 600.0, short * (1 - factor * 0.001 / 1.0)
    assert holds(name, outage(1.0, spike, over=clean_after - TICK))
    assert not holds(name, outage(1.0, spike, over=clean_after + TICK))


def test_a_spike_that_is_too_short_wakes_nobody():
    assert not holds("google-sre-1h", outage(1.0, 50))
    assert holds("google-sre-1h", outage(1.0, 60))


@pytest.mark.parametrize("burn", [0.0, 0.5, 0.99])
def test_a_service_that_keeps_its_objective_fires_nothing(burn):
    assert not any(holds(name, steady(burn * 0.001)) for name in TIERS)
