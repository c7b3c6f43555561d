"""A restart is as if there had been none: what the checkpoint kept is taken up, and only what was missed is read."""

import asyncio
import math
import random
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from backstop.adapters.store.encoding import decode, encode
from backstop.domain.calendar import CalendarPeriods, CalendarUnit
from backstop.domain.errors import SourceUnreachable
from backstop.domain.ledger import STANDARD_TIERS
from backstop.domain.slo import Budgeting, CalendarWindow, RatioIndicator, RollingWindow, Timeslice
from backstop.engine.resuming import WHOLE
from backstop.engine.tracked import Tracked
from backstop.ports.checkpoints import Checkpoint
from backstop.vocabulary import Reason
from tests.builders import HOUR, a_slo
from tests.engine.harness import Harness
from tests.engine.test_evaluator import BORN, INDICATOR, TEN_DAYS
from tests.fakes.clock import LoopClock
from tests.fakes.counters import CounterSource
from tests.fakes.grouped_counters import GroupedSource

pytestmark = pytest.mark.looptime

MINUTES, DAY = 60, 86_400
FOUR_DAYS = RollingWindow(name="4d", seconds=4 * DAY)


def uneven(t):
    """Count traffic with a daily wave."""
    return (t - BORN) * 10 + 9 * DAY / (2 * math.pi) * (1 - math.cos((t - BORN) * 2 * math.pi / DAY))


def with_bursts(t):
    """Count errors: some always, and many in one of ten quarters of an hour."""
    quarters, within = divmod(t - BORN, 900)
    return (t - BORN) * 0.02 + 300 * (quarters // 10) + (min(within, 600) / 2 if quarters % 10 == 9 else 0)


class Kept:
    """Implements Checkpoints with what was kept of one SLO, as the file would give it back."""

    def __init__(self, checkpoint=None):
        self.checkpoint = checkpoint and replace(checkpoint, rows=decode(encode(checkpoint.rows)))
        self.asked = []

    async def load(self, wanted):
        self.asked.append(dict(wanted))
        await asyncio.sleep(0)
        kept = self.checkpoint
        return {kept.uid: kept} if kept is not None and wanted.get(kept.uid) == kept.fingerprint else {}


class Life:
    """An operator's life with one SLO."""

    def __init__(self, harness, clock, slo):
        self.harness, self.clock = harness, clock
        self.tracked = Tracked(slo=slo)

    async def tick(self):
        (seen,) = [each async for each in self.harness.evaluator.evaluate([self.tracked])]
        async with asyncio.timeout(600):
            await self.harness.evaluator.history.idle()
        return seen

    def keep(self) -> Checkpoint:
        return self.harness.evaluator.checkpoint(self.tracked)


class World:
    """A source and a clock; operators come and go."""

    def __init__(self, *, grouped=False):
        self.clock = LoopClock()
        if grouped:
            self.source = GroupedSource(self.clock)
            for number, region in enumerate(("eu", "us", "asia"), 1):
                self.source.put("requests_total", lambda t, n=number: uneven(t) * n, region=region)
                self.source.put("errors_total", lambda t, n=number: with_bursts(t + n * 900), region=region)
        else:
            self.source = CounterSource(self.clock)
            self.source.counters = {"requests_total": uneven, "errors_total": with_bursts}
        self.ranges = []  # start and end of each range query
        whole = self.source.query_range

        async def noted(expression, *, start, end, step):
            self.ranges.append((start - step, end))
            return await whole(expression, start=start, end=end, step=step)

        self.source.query_range = noted

    @asynccontextmanager
    async def life(self, slo, checkpoints=None, **settings):
        async with Harness.running(self.source, self.clock, checkpoints=checkpoints, **settings) as harness:
            yield Life(harness, self.clock, slo)


async def run(seconds, *lives, every=30):
    """Let lives pass in step; return their last assessments."""
    seen = [await life.tick() for life in lives]
    for _ in range(int(seconds // every)):
        await asyncio.sleep(every)
        seen = [await life.tick() for life in lives]
    return seen


def plain(value):
    """Return an assessment as pairs of path and value."""
    if isinstance(value, Mapping):
        return {f"{key}.{path}": each for key, inner in value.items() for path, each in plain(inner).items()}
    if isinstance(value, list | tuple):
        return plain(dict(enumerate(value)))
    return {"": value}


def same(one, other):
    left, right = (plain({**asdict(each), "slo": None}) for each in (one, other))
    assert left == {path: pytest.approx(value, rel=1e-9, abs=1e-6) if isinstance(value, float) else value
                    for path, value in right.items()}  # fmt: skip


SLOS = {
    "events": {"windows": (FOUR_DAYS, HOUR)},
    "a calendar month": {
        "windows": (
            CalendarWindow(
                name="month", periods=CalendarPeriods(unit=CalendarUnit.MONTH, zone=ZoneInfo("Europe/Berlin"))
            ),
            HOUR,
        )
    },
    "time slices": {
        "windows": (FOUR_DAYS,),
        "budgeting": Budgeting.TIMESLICES,
        "timeslice": Timeslice(seconds=300, target_ratio=Decimal("0.98")),
    },
    "groups": {"windows": (FOUR_DAYS, HOUR), "group_by": ("region",)},
}


CASES = [
    *((kind, gap_seconds) for kind in SLOS for gap_seconds in (40, 7 * MINUTES, 7 * 3600)),
    *(("events", gap_seconds) for gap_seconds in (0, 5 * 3600, 40 * 3600)),
]


@pytest.mark.parametrize(
    ("kind", "gap_seconds"), CASES, ids=lambda each: f"{each} s" if isinstance(each, int) else each
)
async def test_after_a_restart_everything_is_as_if_there_had_been_none(kind: str, gap_seconds: int):
    moments = random.Random(f"{kind} {gap_seconds}")
    slo, world = a_slo(**({"indicator": INDICATOR} | SLOS[kind])), World(grouped=kind == "groups")
    async with world.life(slo) as undisturbed:
        async with world.life(slo) as before:
            await run(moments.randrange(10, 90) * MINUTES, undisturbed, before)
            kept = before.keep()
            await run(moments.randrange(0, 12) * MINUTES, undisturbed, before)  # lost: it was not saved any more
        await run(gap_seconds, undisturbed, every=30 if gap_seconds < 600 else 150)
        world.ranges.clear()
        async with world.life(slo, Kept(kept)) as after:
            await run(3 * MINUTES, undisturbed, after)
            # Nothing is asked anew of what was kept.
            assert all(start >= kept.rows[WHOLE].tiers[0].newest for start, _ in world.ranges)
            same(*await run(10 * MINUTES, undisturbed, after))
            assert after.tracked.history_read
            assert len(after.tracked.rows) == len(undisturbed.tracked.rows) == (4 if kind == "groups" else 1)


@pytest.mark.parametrize("restarts", [12])
async def test_many_restarts_in_a_row_change_nothing(restarts: int):
    moments = random.Random(restarts)
    slo, world = a_slo(indicator=INDICATOR, **SLOS["events"]), World()
    kept = None
    async with world.life(slo) as undisturbed:
        for _ in range(restarts):
            async with world.life(slo, Kept(kept)) as one:
                last = await run(moments.randrange(0, 4000), undisturbed, one)
                kept = one.keep()
        same(*last)


async def test_what_the_source_has_forgotten_meanwhile_is_still_known():
    slo, world = a_slo(indicator=INDICATOR, windows=(TEN_DAYS,)), World()
    async with world.life(slo) as undisturbed:
        async with world.life(slo) as before:
            await run(600, undisturbed, before)
            kept = before.keep()
        retention_begins = world.clock.now().timestamp() - 3600
        world.source.silent = lambda t: t < retention_begins
        async with world.life(slo, Kept(kept)) as after, world.life(slo) as without:
            seen, again, anew = await run(600, undisturbed, after, without)
    same(seen, again)
    assert again.budgets[0].counts.coverage == pytest.approx(1, abs=1e-3)
    assert anew.budgets[0].counts.coverage < 0.01


async def test_of_a_gap_longer_than_what_the_source_keeps_only_that_is_unknown():
    slo, world = a_slo(indicator=INDICATOR, windows=(TEN_DAYS,)), World()
    async with world.life(slo) as before:
        await run(600, before)
        kept = before.keep()
    await asyncio.sleep(5 * DAY)
    retention_begins = world.clock.now().timestamp() - 2 * DAY
    world.source.silent = lambda t: t < retention_begins
    async with world.life(slo, Kept(kept)) as after:
        (seen,) = await run(600, after)
    assert seen.budgets[0].counts.unknown_seconds == pytest.approx(3 * DAY, abs=3600)


async def test_a_checkpoint_older_than_anything_a_window_asks_for_is_not_taken_up():
    slo, world = a_slo(indicator=INDICATOR, windows=(HOUR,)), World()
    async with world.life(slo) as before:
        await run(600, before)
        kept = before.keep()
    await asyncio.sleep(STANDARD_TIERS[-1].span + DAY)
    async with world.life(slo, Kept(kept)) as after, world.life(slo) as anew:
        same(*await run(600, after, anew))


async def test_a_checkpoint_from_a_future_that_the_source_took_back_is_not_taken_up():
    slo, world = a_slo(indicator=INDICATOR, windows=(HOUR,)), World()
    async with world.life(slo) as before:
        await run(7200, before)
        kept = before.keep()
    world.clock.jump(-3600)
    async with world.life(slo, Kept(kept)) as after, world.life(slo) as anew:
        same(*await run(600, after, anew))


async def test_a_restart_while_the_source_is_away_keeps_since_when_it_is_away():
    slo, world = a_slo(indicator=INDICATOR, windows=(FOUR_DAYS,)), World()
    async with world.life(slo) as undisturbed:
        async with world.life(slo) as before:
            await run(600, undisturbed, before)
            world.source.fail(SourceUnreachable("no route"))
            await run(600, undisturbed, before)
            kept = before.keep()
        await run(300, undisturbed)
        async with world.life(slo, Kept(kept)) as after:
            seen, again = await run(300, undisturbed, after)
            assert (again.data.available, again.data.reason) == (False, Reason.SOURCE_UNREACHABLE)
            assert (again.data.since, again.data.last_known_at) == (seen.data.since, seen.data.last_known_at)
            world.source.recover()
            same(*await run(600, undisturbed, after))


async def test_a_backfill_that_was_cut_off_goes_on_where_it_was():
    slo, world = a_slo(indicator=INDICATOR, windows=(TEN_DAYS,)), World()
    async with world.life(slo) as undisturbed:
        await run(60, undisturbed)
        async with world.life(slo) as before:
            limit = world.clock.now().timestamp() - 2 * DAY
            whole = world.source.query_range

            async def refuse_the_past(expression, *, start, end, step):
                if start < limit:
                    raise SourceUnreachable("too far back for now")
                return await whole(expression, start=start, end=end, step=step)

            world.source.query_range = refuse_the_past
            await run(60, undisturbed, before)
            kept = before.keep()
            assert not before.tracked.history_read
        world.source.query_range = whole
        world.ranges.clear()
        async with world.life(slo, Kept(kept)) as after:
            seen, again = await run(60, undisturbed, after)
    assert after.tracked.history_read
    oldest = min(tier.oldest for tier in kept.rows[WHOLE].tiers)
    assert max(end for start, end in world.ranges if start < limit) == oldest < kept.rows[WHOLE].tiers[0].newest
    assert again.budgets[0].counts.bad == pytest.approx(seen.budgets[0].counts.bad, rel=1e-9)


@pytest.mark.parametrize(
    "change",
    [
        {"indicator": RatioIndicator(total="requests_total", bad="other_errors_total")},
        {"group_by": ("region",)},
        {"budgeting": Budgeting.TIMESLICES, "timeslice": Timeslice(seconds=60, target_ratio=Decimal("0.9"))},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_what_counts_other_events_is_not_taken_up(change):
    slo, world = a_slo(indicator=INDICATOR, windows=(FOUR_DAYS,)), World()
    async with world.life(slo) as before:
        await run(60, before)
        kept = before.keep()
    async with world.life(replace(slo, **change), Kept(kept)) as after:
        assert after.harness.evaluator.checkpoint(after.tracked) is None
        await after.tick()
        assert after.keep().fingerprint != kept.fingerprint


async def test_a_source_at_another_address_is_another_source():
    slo, world = a_slo(indicator=INDICATOR, windows=(FOUR_DAYS,)), World()
    async with world.life(slo, identity="http://one") as before:
        await run(60, before)
        kept = before.keep()
    world.source.counters["requests_total"] = lambda t: uneven(t) / 2
    async with world.life(slo, Kept(kept), identity="http://other") as after, world.life(slo) as anew:
        same(*await run(60, after, anew))


async def test_a_window_that_became_longer_than_the_ledger_of_the_checkpoint_keeps_what_it_had():
    slo, world = a_slo(indicator=INDICATOR, windows=(TEN_DAYS,)), World()
    longer = replace(slo, windows=(RollingWindow(name="40d", seconds=40 * DAY),))
    async with world.life(slo) as before:
        await run(600, before)
        kept = before.keep()
    retention_begins = world.clock.now().timestamp() - 3600
    world.source.silent = lambda t: t < retention_begins
    async with world.life(longer, Kept(kept)) as after:
        (seen,) = await run(600, after)
    assert seen.budgets[0].counts.coverage == pytest.approx(0.25, abs=0.01)


async def test_a_window_that_becomes_longer_than_the_ledger_keeps_what_it_had():
    slo, world = a_slo(indicator=INDICATOR, windows=(TEN_DAYS,)), World()
    async with world.life(slo) as one:
        await run(600, one)
        retention_begins = world.clock.now().timestamp() - 3600
        world.source.silent = lambda t: t < retention_begins
        one.tracked.slo = replace(slo, windows=(RollingWindow(name="40d", seconds=40 * DAY),))
        (seen,) = await run(600, one)
    assert seen.budgets[0].counts.coverage == pytest.approx(0.25, abs=0.01)


async def test_the_checkpoint_is_asked_once_and_only_for_what_is_new():
    slo, world = a_slo(indicator=INDICATOR), World()
    kept = Kept()
    async with world.life(slo, kept) as one:
        await run(600, one)
    assert [list(asked) for asked in kept.asked] == [[slo.uid]]


@pytest.mark.parametrize(
    "broken",
    [
        {"facts": {}},
        {"facts": {"anchor": "soon"}},
        {"rows": {}},
        {"rows": "no whole"},
        {"rows": "no minutes"},
        {"rows": "several ends"},
    ],
    ids=lambda broken: f"{next(iter(broken))}: {next(iter(broken.values())) or 'none'}",
)
async def test_a_checkpoint_that_makes_no_sense_is_passed_over(broken):
    slo, world = a_slo(indicator=INDICATOR, windows=(FOUR_DAYS,)), World()
    async with world.life(slo) as before:
        await run(60, before)
        early = before.keep()
        await run(300, before)
        kept = before.keep()
    whole = kept.rows[WHOLE]
    broken = broken | {
        "no whole": {"rows": {'["eu"]': whole}},
        "no minutes": {"rows": {WHOLE: replace(whole, tiers=whole.tiers[1:])}},
        "several ends": {"rows": {WHOLE: whole, '["eu"]': early.rows[WHOLE]}},
    }.get(broken.get("rows") if isinstance(broken.get("rows"), str) else "", {})
    async with world.life(slo, Kept(replace(kept, **broken))) as after, world.life(slo) as anew:
        seen, fresh = await run(60, after, anew)
        assert after.tracked.fault is None
        ledger = after.tracked.ledger
        assert len(ledger) == 1  # rows that were half restored were given back
    same(seen, fresh)
