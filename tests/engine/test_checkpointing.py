"""What is saved when, and what happens while it cannot be."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from backstop.domain.ledger import RowState
from backstop.engine.checkpointing import (
    EVERY_SECONDS,
    GONE_KEPT_SECONDS,
    LOOK_SECONDS,
    MAX_ROWS_PER_LOOK,
    PRUNE_SECONDS,
    RETRY_SECONDS,
    ROWS_AT_ONCE,
    STOP_SECONDS,
    UNSAVED_KEPT_SECONDS,
    Checkpointing,
)
from backstop.ports.checkpoints import Checkpoint
from tests.fakes.checkpoints import FakeCheckpointStore
from tests.fakes.clock import LoopClock
from tests.fakes.telemetry import RecordingTelemetry

pytestmark = pytest.mark.looptime

EMPTY = RowState((), ())


def a_checkpoint(uid, rows=1, fingerprint="what"):
    return Checkpoint(uid=uid, fingerprint=fingerprint, rows={f"{n}": EMPTY for n in range(rows)})


class Scene:
    """Checkpointing of SLOs that are nothing but a name and a number of rows; 0 rows before the first evaluation."""

    def __init__(self, rows):
        self.tracked = {uid: (uid, count) for uid, count in rows.items()}
        self.store = FakeCheckpointStore()
        self.telemetry = RecordingTelemetry()
        self.clock = LoopClock()
        self.saved: list[tuple[float, str]] = []  # when, and what
        self.checkpointing = Checkpointing(
            self.store, tracked=self.tracked, export=self.export, clock=self.clock, telemetry=self.telemetry
        )

    def export(self, tracked):
        uid, rows = tracked
        self.saved.append((self.clock.monotonic(), uid))
        return a_checkpoint(uid, rows) if rows else None

    @property
    def times(self):
        return Counter(uid for _, uid in self.saved)

    @asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.checkpointing.run())
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def scene():
    return lambda rows: Scene(rows).running()


async def test_few_slos_are_saved_at_once_and_then_every_ten_minutes(scene):
    async with scene({"one": 1, "two": 3}) as s:
        await asyncio.sleep(LOOK_SECONDS + 1)
        assert s.store.kept.keys() == {"one", "two"}
        await asyncio.sleep(EVERY_SECONDS - 2 * LOOK_SECONDS)
        assert s.times == {"one": 1, "two": 1}
        await asyncio.sleep(2 * LOOK_SECONDS)
        assert s.times == {"one": 2, "two": 2}
        assert s.telemetry.counts["checkpoint saved"] == 4
        assert s.telemetry.counts["checkpoint failing"] == 0


async def test_ten_thousand_slos_are_spread_over_the_ten_minutes(scene):
    async with scene({f"{n}": 1 for n in range(10_000)}) as s:
        await asyncio.sleep(3 * EVERY_SECONDS + 60)
        looks = Counter(at for at, _ in s.saved)
        assert max(looks.values()) <= 10_000 * LOOK_SECONDS / EVERY_SECONDS + ROWS_AT_ONCE
        assert set(s.times.values()) <= {2, 3, 4}
        assert max(len(batch) for batch in s.store.batches) <= ROWS_AT_ONCE


async def test_beyond_what_a_look_may_take_all_are_saved_in_turn_more_rarely(scene):
    async with scene({f"{n}": 10 for n in range(4000)}) as s:
        await asyncio.sleep(2 * 40_000 / MAX_ROWS_PER_LOOK * LOOK_SECONDS)  # that they have ten rows is learned
        assert max(Counter(at for at, _ in s.saved).values()) * 10 <= MAX_ROWS_PER_LOOK + ROWS_AT_ONCE
        assert s.store.kept.keys() == s.tracked.keys()


async def test_an_slo_of_many_groups_counts_as_many_rows(scene):
    async with scene({f"{n}": 101 for n in range(200)}) as s:
        await asyncio.sleep(EVERY_SECONDS / 2)
        assert all(len(batch) == 1 for batch in s.store.batches)
        assert max(Counter(at for at, _ in s.saved).values()) <= 2
        await asyncio.sleep(EVERY_SECONDS)
        assert s.store.kept.keys() == s.tracked.keys()


async def test_a_new_slo_is_saved_at_the_next_look_after_its_first_evaluation(scene):
    async with scene({f"{n}": 1 for n in range(5000)}) as s:
        await asyncio.sleep(2 * EVERY_SECONDS)
        s.tracked["new"] = ("new", 0)
        await asyncio.sleep(3 * LOOK_SECONDS)
        assert "new" not in s.store.kept
        s.tracked["new"] = ("new", 1)
        await asyncio.sleep(LOOK_SECONDS + 1)
        assert "new" in s.store.kept


async def test_what_is_gone_is_not_saved_any_more_and_when_it_comes_back_it_is_new(scene):
    async with scene({"one": 1, "two": 1}) as s:
        await asyncio.sleep(LOOK_SECONDS + 1)
        gone = s.tracked.pop("one")
        await asyncio.sleep(2 * EVERY_SECONDS)
        assert s.times["one"] == 1
        s.tracked["one"] = gone
        await asyncio.sleep(LOOK_SECONDS + 1)
        assert s.times["one"] == 2


async def test_while_the_store_fails_it_is_tried_again_each_minute_and_said_once(scene):
    async with scene({"one": 1, "two": 1}) as s:
        s.store.fail("the disk is full")
        with capture_logs() as said:
            await asyncio.sleep(10 * RETRY_SECONDS + LOOK_SECONDS)
        assert 9 <= len(s.store.batches) <= 10
        assert [entry["event"] for entry in said] == ["checkpoint.unavailable"]
        assert "the disk is full" in said[0]["problem"]
        assert s.telemetry.counts["checkpoint failing"] == 1
        assert s.telemetry.counts["checkpoint failed"] > 0
        s.store.recover()
        with capture_logs() as said:
            await asyncio.sleep(EVERY_SECONDS + RETRY_SECONDS)
        assert [entry["event"] for entry in said] == ["checkpoint.available"]
        assert s.telemetry.counts["checkpoint failing"] == 0
        assert s.store.kept.keys() == {"one", "two"}


async def test_what_finds_no_room_does_not_keep_the_others_from_being_saved(scene):
    async with scene({f"{n}": ROWS_AT_ONCE for n in range(6)}) as s:
        await asyncio.sleep(8 * LOOK_SECONDS)
        before = {uid: at for uid, (_, at) in s.store.kept.items()}
        assert len(before) == 6
        s.store.has_room_for(6)
        s.tracked |= {f"more {n}": (f"more {n}", ROWS_AT_ONCE) for n in range(3)}
        await asyncio.sleep(3 * EVERY_SECONDS)
        assert s.store.kept.keys() == before.keys()
        assert all(at > before[uid] + EVERY_SECONDS for uid, (_, at) in s.store.kept.items())


async def test_what_was_loaded_is_counted_and_saved_again_in_its_turn(scene):
    async with scene({"one": 1, "two": 1}) as s:
        await s.store.save([a_checkpoint("one"), a_checkpoint("two", fingerprint="else")], at=0.0)
        found = await s.checkpointing.load({"one": "what", "two": "what", "three": "what"})
        assert found.keys() == {"one"}
        assert s.telemetry.counts["checkpoint restored"] == s.telemetry.counts["checkpoint changed"] == 1
        await asyncio.sleep(LOOK_SECONDS + 1)
        assert s.times == {"two": 1}


async def test_a_load_that_fails_finds_nothing_and_the_store_is_left_alone_for_a_while(scene):
    async with scene({"one": 1}) as s:
        await s.store.save([a_checkpoint("one")], at=0.0)
        s.store.fail("no such folder")
        assert await s.checkpointing.load({"one": "what"}) == {}
        assert s.telemetry.counts["checkpoint failing"] == 1
        s.store.recover()
        assert await s.checkpointing.load({"one": "what"}) == {}
        await asyncio.sleep(RETRY_SECONDS)
        assert (await s.checkpointing.load({"one": "what"})).keys() == {"one"}


async def test_at_the_end_everything_is_saved_the_oldest_first():
    s = Scene({f"{n}": 1 for n in range(100)})
    await s.checkpointing._save(["7", "8"], max_rows=2)
    await asyncio.sleep(1)
    await s.checkpointing.save_all()
    assert s.store.kept.keys() == s.tracked.keys()
    assert {uid for _, uid in s.saved[-2:]} == {"7", "8"}
    assert all(at == s.clock.now().timestamp() for _, at in s.store.kept.values())


async def test_the_end_waits_for_a_slow_disk_no_longer_than_it_may():
    s = Scene({f"{n}": 1 for n in range(1000)})
    save = s.store.save

    async def slow(checkpoints, *, at):
        await asyncio.sleep(3)
        return await save(checkpoints, at=at)

    s.store.save = slow
    began = s.clock.monotonic()
    with capture_logs() as said:
        await s.checkpointing.save_all()
    assert s.clock.monotonic() - began == pytest.approx(STOP_SECONDS)
    assert [entry["event"] for entry in said] == ["checkpoint.cut_short"]
    assert len(s.store.kept) == 3 * ROWS_AT_ONCE


async def test_what_is_not_listed_is_forgotten_after_some_days_and_not_before_a_complete_list(scene):
    async with scene({"here": 1}) as s:
        now = s.clock.now().timestamp()
        lately, long_ago = now - GONE_KEPT_SECONDS + 2 * PRUNE_SECONDS, now - GONE_KEPT_SECONDS
        await s.store.save([a_checkpoint("gone"), a_checkpoint("refused")], at=long_ago)
        await s.store.save([a_checkpoint("gone lately")], at=lately)
        await s.store.save([a_checkpoint("refused for weeks")], at=now - UNSAVED_KEPT_SECONDS)
        await asyncio.sleep(PRUNE_SECONDS + LOOK_SECONDS)
        assert s.store.kept.keys() == {"here", "gone", "gone lately", "refused", "refused for weeks"}
        s.checkpointing.listed(frozenset({"here", "refused", "refused for weeks"}))
        await asyncio.sleep(LOOK_SECONDS + 1)
        assert s.store.kept.keys() == {"here", "refused", "gone lately"}


async def test_a_wall_clock_that_was_wrong_makes_nobody_forget_what_exists(scene):
    async with scene({"here": 1}) as s:
        await s.store.save([a_checkpoint("here"), a_checkpoint("gone lately")], at=s.clock.now().timestamp())
        s.clock.jump(2 * GONE_KEPT_SECONDS + UNSAVED_KEPT_SECONDS)
        s.checkpointing.listed(frozenset({"here"}))
        await asyncio.sleep(2 * PRUNE_SECONDS)
        assert s.store.kept.keys() == {"here"}


async def test_forgetting_that_fails_is_done_later(scene):
    async with scene({}) as s:
        await s.store.save([a_checkpoint("gone")], at=s.clock.now().timestamp() - GONE_KEPT_SECONDS)
        s.checkpointing.listed(frozenset())
        s.store.fail()
        await asyncio.sleep(PRUNE_SECONDS + LOOK_SECONDS)
        assert s.telemetry.counts["checkpoint failing"] == 1
        s.store.recover()
        await asyncio.sleep(PRUNE_SECONDS + RETRY_SECONDS)
        assert s.store.kept == {}
