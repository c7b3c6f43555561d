"""The engine over restarts: objects come anew from the watch, and what was known of them from the checkpoint."""

import asyncio
from dataclasses import replace

import pytest

from backstop.engine.checkpointing import EVERY_SECONDS, GONE_KEPT_SECONDS, LOOK_SECONDS, PRUNE_SECONDS
from tests.engine.test_engine import a_body, stage
from tests.fakes.checkpoints import FakeCheckpointStore

pytestmark = pytest.mark.looptime

DAY = [{"name": "1d", "rolling": "1d"}]


async def until_restart(store, *bodies, seconds=60):
    """Live for a while and stop in order."""
    async with stage(checkpoints=store) as s:
        for body in bodies:
            s.engine.on_object("SLO", body)
        await asyncio.sleep(seconds)
    await s.engine.save()
    return s


async def test_a_restarted_operator_knows_at_once_what_its_source_has_forgotten():
    store = FakeCheckpointStore()
    before = await until_restart(store, a_body(windows=DAY))
    async with stage(checkpoints=store) as s:
        retention_begins = s.clock.now().timestamp() - 600
        s.source.silent = lambda t: t < retention_begins
        s.engine.on_object("SLO", a_body(windows=DAY, status=before.status()))
        await asyncio.sleep(10)
        assert s.status() is None  # nothing to say that was not said before
        was, now = (life.telemetry.assessments[-1].budgets[0].counts for life in (before, s))
        assert now.coverage == pytest.approx(1, abs=1e-3)
        assert now.bad == pytest.approx(was.bad, rel=1e-3)


async def test_an_edit_while_nobody_ran_keeps_what_counts_the_same_and_nothing_else():
    store = FakeCheckpointStore()
    await until_restart(store, a_body("target", windows=DAY), a_body("indicator", windows=DAY))
    other = {"ratio": {"bad": "errors_total", "total": "other_total"}}
    async with stage(checkpoints=store) as s:
        s.source.silent = lambda _: True
        s.engine.on_object("SLO", a_body("target", generation=2, target=99.9, windows=DAY))
        s.engine.on_object("SLO", a_body("indicator", generation=2, indicator=other, windows=DAY))
        await asyncio.sleep(60)
        assert s.telemetry.counts["checkpoint restored"] == s.telemetry.counts["checkpoint changed"] == 1
        assert s.status("target")["windows"][0]["coverage"] == pytest.approx(1, abs=2e-3)
        assert s.status("indicator")["windows"][0]["coverage"] == pytest.approx(0, abs=2e-3)


async def test_a_source_that_is_configured_anew_at_the_same_address_keeps_the_ledger():
    store = FakeCheckpointStore()
    async with stage(checkpoints=store) as s:
        s.engine.on_object("SLO", a_body(windows=DAY))
        await asyncio.sleep(60)
        asked = len(s.source.asked)
        s.engine.set_sources({"default": replace(s.binding)})  # its timeout was changed, say
        await asyncio.sleep(60)
        assert s.telemetry.counts["checkpoint restored"] == 1
        assert len(s.source.asked) - asked < 20
        s.engine.set_sources({"default": replace(s.binding, identity="http://other")})
        await asyncio.sleep(60)
        assert s.telemetry.counts["checkpoint restored"] == 1


async def test_all_are_saved_in_their_turn_and_once_more_at_the_end():
    store = FakeCheckpointStore()
    bodies = [a_body(f"slo-{number}", windows=DAY) for number in range(60)]
    s = await until_restart(store, *bodies, seconds=EVERY_SECONDS + 60)
    assert store.kept.keys() == {f"uid-slo-{number}" for number in range(60)}
    assert s.telemetry.counts["checkpoint saved"] == 3 * 60
    assert all(at == s.clock.now().timestamp() for _, at in store.kept.values())


async def test_what_a_list_no_longer_has_is_forgotten_after_days_and_what_is_refused_is_kept():
    store = FakeCheckpointStore()
    await until_restart(store, a_body("gone"), a_body("refused"))
    store.kept = {uid: (kept, at - GONE_KEPT_SECONDS) for uid, (kept, at) in store.kept.items()}
    async with stage(checkpoints=store) as s:
        s.engine.on_object("SLO", a_body("refused", generation=2, target=100))
        s.engine.on_synced("SLO", frozenset({"uid-refused"}))
        s.engine.on_synced("MaintenanceWindow", frozenset({"uid-window"}))
        await asyncio.sleep(PRUNE_SECONDS + LOOK_SECONDS)
        assert store.kept.keys() == {"uid-refused"}


async def test_an_slo_on_which_we_fail_does_not_keep_the_others_from_being_saved():
    store = FakeCheckpointStore()
    async with stage(checkpoints=store) as s:
        s.engine.on_object("SLO", a_body("one"))
        s.engine.on_object("SLO", a_body("two"))
        await asyncio.sleep(1)
        broken = s.engine._tracked["uid-one"]
        broken.groups[object()] = 10_000  # no such group, no such row
        await asyncio.sleep(LOOK_SECONDS + 1)
        assert store.kept.keys() == {"uid-two"}
        assert broken.fault is not None
