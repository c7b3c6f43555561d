"""Budgets of time and calendar windows on a real Prometheus, against its raw samples."""

import random
import time
import uuid
from bisect import bisect_right
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from backstop.adapters.prometheus.source import connect
from backstop.api.configuration import Source
from backstop.domain.calendar import CalendarPeriods, CalendarUnit
from backstop.domain.interval import Interval
from backstop.domain.slo import Budgeting, CalendarWindow, RatioIndicator, RollingWindow, Timeslice
from backstop.engine.tracked import Tracked
from tests.builders import a_slo
from tests.engine.harness import Harness
from tests.engine.lived import window_of

pytestmark = pytest.mark.prometheus

SCRAPE = 15
HOUR, DAY = 3600, 86_400
TARGET = Decimal("0.95")
TWO_HOURS = RollingWindow(name="2h", seconds=2 * HOUR)
TODAY = CalendarWindow(name="day", periods=CalendarPeriods(unit=CalendarUnit.DAY, zone=ZoneInfo("Asia/Kathmandu")))


class Samples:
    """Two counters over two and a half days, scraped with jitter, some minutes bad and some silent."""

    def __init__(self, prometheus):
        self.name = f"t{uuid.uuid4().hex[:12]}"
        dice = random.Random(5)
        end = int(time.time())
        self.times, self.total, self.bad = [], [0.0], [0.0]
        for at in range(end - 60 * HOUR, end, SCRAPE):
            self.times.append(at + dice.random() * 2)
            minute = random.Random(at // 60).random()
            requests = 0 if minute < 0.1 else dice.randrange(1, 400)
            self.total.append(self.total[-1] + requests)
            self.bad.append(self.bad[-1] + (requests // 5 if minute > 0.85 else dice.randrange(2) if requests else 0))
        for code, values in (("200", [t - b for t, b in zip(self.total, self.bad, strict=True)]), ("500", self.bad)):
            labels = {"job": "j", "instance": self.name, "code": code}
            prometheus.write(self.name, labels, list(zip(self.times, values[1:], strict=True)))
        self.indicator = RatioIndicator(total=self.name, bad=f'{self.name}{{code="500"}}')

    def good_and_bad(self, start, end):
        """What the newest samples at two instants differ by."""
        first, last = (bisect_right(self.times, instant) for instant in (start, end))
        bad = self.bad[last] - self.bad[first]
        return self.total[last] - self.total[first] - bad, bad

    def bad_share(self, start, end, target):
        good, bad = self.good_and_bad(start, end)
        share = bad / (good + bad) if good + bad else 0.0
        return share if target is None else float(1 - share < float(target))


@pytest.fixture(scope="module")
def samples(prometheus):
    return Samples(prometheus)


@pytest.fixture
async def source(prometheus):
    source = connect(Source(name="default", url=prometheus.url))
    yield source
    await source.close()


async def settled(source, slo, **tracked):
    followed = Tracked(slo=slo, **tracked)
    async with Harness.running(source) as harness:
        await harness.settle_tracked(followed)
        await harness.evaluator.history.idle()
        (seen,) = [each async for each in harness.evaluator.evaluate([followed])]
        return seen, followed.ledger.newest(followed.row)


def slices(samples, length, start, at, sealed, target):
    """Good and bad slices from `start` to `at`, the newest up to `sealed` each on its own."""
    bad = 0.0
    for begin in range(int(start // length) * length, sealed, length):
        share = max(begin + length - max(begin, start), 0.0) / length
        bad += share * samples.bad_share(begin, begin + length, target)
    bad += (at - sealed) / length * samples.bad_share(sealed, at, target)
    return (at - start) / length - bad, bad


@pytest.mark.parametrize("target", [TARGET, None], ids=["Timeslices", "RatioTimeslices"])
@pytest.mark.parametrize("length", [60, 300, 3600], ids=["1m", "5m", "1h"])
async def test_every_slice_is_what_its_samples_say(samples, source, length, target):
    slo = a_slo(
        indicator=samples.indicator,
        windows=(TWO_HOURS, TODAY),
        budgeting=Budgeting.RATIO_TIMESLICES if target is None else Budgeting.TIMESLICES,
        timeslice=Timeslice(seconds=length, target_ratio=target),
    )
    seen, sealed = await settled(source, slo)
    for name, start in (("2h", seen.at - 2 * HOUR), ("day", TODAY.periods.period_at(seen.at).start)):
        counts = window_of(seen, name).counts
        expected = slices(samples, length, start, seen.at, sealed, target)
        assert (counts.good, counts.bad) == pytest.approx(expected, rel=1e-6, abs=1e-6), name
        assert counts.coverage == pytest.approx(1)


async def test_a_calendar_day_that_began_in_coarse_time_is_counted_to_the_sample(samples, source):
    """Seven minutes past a quarter of an hour, which is held as a whole by then and has to be read again."""
    began = datetime.fromtimestamp(time.time() // 900 * 900 - 20 * HOUR + 7 * 60, UTC)
    odd = CalendarPeriods(unit=CalendarUnit.DAY, zone=ZoneInfo("UTC"), start=began.replace(tzinfo=None))
    window = CalendarWindow(name="odd", periods=odd)
    seen, _ = await settled(source, a_slo(indicator=samples.indicator, windows=(window,)))
    assert odd.period_at(seen.at).start == began.timestamp()
    counts = seen.budgets[0].counts
    expected = samples.good_and_bad(odd.period_at(seen.at).start, seen.at)
    assert (counts.good, counts.bad) == pytest.approx(expected, rel=1e-9)
    assert seen.history.lost_edges == ()


async def test_an_exclusion_in_coarse_time_takes_out_the_samples_in_it(samples, source):
    now = time.time()
    excluded = Interval(now // 60 * 60 - 30 * HOUR + 7 * 60, now // 60 * 60 - 28 * HOUR + 13 * 60)
    slo = a_slo(indicator=samples.indicator, windows=(RollingWindow(name="2d", seconds=2 * DAY),))
    whole, _ = await settled(source, slo)
    rest, _ = await settled(source, slo, exclusions=(excluded,))
    expected = samples.good_and_bad(excluded.start, excluded.end)
    later = samples.good_and_bad(whole.at, rest.at)
    assert whole.budgets[0].counts.bad + later[1] - rest.budgets[0].counts.bad == pytest.approx(expected[1], rel=0.01)
    assert rest.budgets[0].counts.excluded_seconds == excluded.seconds
    assert rest.history.lost_edges == ()
