"""The preset over a real Prometheus against the arithmetic of the SRE Workbook: which tier fires, and after how long.

A target of 99.9 % over 30 days, and errors at a constant share from one moment on. A tier that fires at p percent of
the budget does so after p ÷ 100 × 30 d × 0.1 % ÷ share, if that share burns fast enough for it at all.
"""

from decimal import Decimal

import pytest

from backstop.adapters.clock import SystemClock
from backstop.adapters.prometheus.source import connect
from backstop.api.configuration import Source
from backstop.domain.alert_policy import AlertPolicy
from backstop.domain.alert_tiers import PRESET
from backstop.domain.slo import Objective, RatioIndicator, RollingWindow, Uid
from backstop.engine.replay import Replay
from tests.builders import a_slo
from tests.history.traffic import DAY

pytestmark = [pytest.mark.prometheus, pytest.mark.slow]

HOUR = 3600.0
TROUBLE = 1_772_625_600.0
BEFORE, AFTER = 4 * DAY, 2 * DAY
PER_MINUTE = 600_000  # so many that chance is ruled out at once: few events take longer to prove anything
SHARES = {"all": 1.0, "tenth": 0.1, "hundredth": 0.01, "twice": 0.002}
PERCENT = {f"{PRESET}-1h": 2, f"{PRESET}-6h": 5, f"{PRESET}-1d": 10, f"{PRESET}-3d": 10}
FACTORS = {f"{PRESET}-1h": 14.4, f"{PRESET}-6h": 6.0, f"{PRESET}-1d": 3.0, f"{PRESET}-3d": 1.0}


def expected(share):
    """Return after how many seconds each tier fires that can."""
    return {
        tier: percent / 100 * 30 * DAY * 0.001 / share
        for tier, percent in PERCENT.items()
        if share >= FACTORS[tier] * 0.001
    }


def an_slo(name):
    indicator = RatioIndicator(
        total=f'workbook_requests_total{{slo="{name}"}}', bad=f'workbook_requests_total{{slo="{name}",code="500"}}'
    )
    return a_slo(
        uid=name,
        name=name,
        indicator=indicator,
        objective=Objective(target_percent=Decimal("99.9")),
        windows=(RollingWindow(name="30d", seconds=30 * DAY),),
    )


def write(prometheus, name, share):
    for code, part in (("200", 1 - share), ("500", share)):
        labels = {"slo": name, "code": code, "job": "workbook", "instance": name}
        calm = PER_MINUTE if code == "200" else 0
        total, samples = 0.0, []
        for at in range(int(TROUBLE - BEFORE), int(TROUBLE + AFTER) + 1, 60):
            samples.append((float(at), total))
            total += calm if at < TROUBLE else PER_MINUTE * part
        prometheus.write("workbook_requests_total", labels, samples)


async def test_the_tiers_of_the_preset_fire_when_the_workbook_says(own_prometheus):
    for name, share in SHARES.items():
        write(own_prometheus, name, share)
    policy = AlertPolicy(uid=Uid("p"), namespace="shop", name="sre", generation=1, slos=None, preset=PRESET)
    source = connect(Source(name="default", url=own_prometheus.url, timeout="60s"))
    try:
        replay = Replay(
            source,
            [an_slo(name) for name in SHARES],
            start=TROUBLE - HOUR,
            end=TROUBLE + AFTER,
            patience=SystemClock(),
            policies=[policy],
        )
        changes = list((await replay.advance(TROUBLE - HOUR)).alerts)
        while replay.at < TROUBLE + AFTER:
            changes += (await replay.advance(min(replay.at + 12 * HOUR, TROUBLE + AFTER))).alerts
        assert not replay.faults
    finally:
        await source.close()
    fired = {
        name: {c.alert.rule: c.at - TROUBLE for c in changes if c.fires and c.alert.subject.name == name}
        for name in SHARES
    }
    for name, share in SHARES.items():
        assert set(fired[name]) == set(expected(share)), name
        for tier, seconds in expected(share).items():
            # Judged by the minute; a window of a day and more is up to a quarter of an hour longer than its name.
            assert seconds <= fired[name][tier] <= 1.02 * seconds + 180, (name, tier)
    assert not [change for change in changes if not change.fires]  # what is constant does not flap
