"""The watch and the LIST as one stream: never back in time, nothing lost, nothing brought back."""

import random
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backstop.adapters.kubernetes.intake import Intake

KIND = "SLO"


class Engine:
    """Holds what an engine would: the last body of each object."""

    def __init__(self):
        self.objects: dict[str, int] = {}
        self.deliveries = 0
        self.deaf = 0
        self.now = 0.0
        self.intake = Intake(
            on_object=self._put,
            on_deleted=lambda _, uid: self.objects.pop(uid, None),
            on_synced=self._keep,
            on_deaf=self._count_deaf,
            monotonic=lambda: self.now,
        )

    def _put(self, _, body: Mapping):
        self.deliveries += 1
        self.objects[body["metadata"]["uid"]] = int(body["metadata"]["resourceVersion"])

    def _keep(self, _, present):
        self.objects = {uid: version for uid, version in self.objects.items() if uid in present}

    def _count_deaf(self, _):
        self.deaf += 1

    def sweep(self, *bodies):
        self.intake.begin(KIND)
        for item in bodies:
            self.intake.listed(KIND, item)
        self.intake.complete(KIND)


@pytest.fixture
def engine():
    return Engine()


def body(uid, version):
    return {"metadata": {"uid": uid, "resourceVersion": str(version)}}


def test_the_first_list_delivers_everything(engine):
    engine.sweep(body("a", 1), body("b", 2))
    assert engine.objects == {"a": 1, "b": 2}


def test_what_a_list_no_longer_shows_is_removed(engine):
    engine.sweep(body("a", 1), body("b", 2))
    engine.sweep(body("b", 2))
    assert engine.objects == {"b": 2}


def test_an_unchanged_object_is_not_delivered_again(engine):
    engine.intake.watched(KIND, body("a", 1))
    engine.sweep(body("a", 1))
    engine.sweep(body("a", 1))
    assert engine.deliveries == 1


def test_a_list_does_not_show_an_old_body_after_a_new_one(engine):
    engine.intake.begin(KIND)
    engine.intake.watched(KIND, body("a", 9))
    engine.intake.listed(KIND, body("a", 5))
    engine.intake.complete(KIND)
    assert engine.objects == {"a": 9}


def test_a_late_watch_does_not_show_an_old_body_after_a_new_one(engine):
    engine.sweep(body("a", 9))
    engine.intake.watched(KIND, body("a", 5))
    assert engine.objects == {"a": 9}


def test_a_list_does_not_remove_what_was_created_meanwhile(engine):
    engine.intake.begin(KIND)
    engine.intake.watched(KIND, body("new", 3))
    engine.intake.complete(KIND)
    assert engine.objects == {"new": 3}


def test_a_list_does_not_bring_back_what_was_deleted_meanwhile(engine):
    engine.intake.watched(KIND, body("a", 1))
    engine.intake.begin(KIND)
    engine.intake.unwatched(KIND, "a")
    engine.intake.listed(KIND, body("a", 1))
    assert engine.objects == {}  # not even for a moment
    engine.intake.complete(KIND)
    assert engine.objects == {}


def test_after_a_restore_from_backup_the_list_is_believed(engine):
    engine.intake.watched(KIND, body("a", 900))
    engine.sweep(body("a", 40))
    assert engine.objects == {"a": 40}
    engine.intake.watched(KIND, body("a", 41))
    assert engine.objects == {"a": 41}


def test_versions_that_are_no_numbers_are_taken_as_they_come():
    odd = {"metadata": {"uid": "a", "resourceVersion": "opaque"}}
    seen = []
    intake = Intake(
        on_object=lambda _, item: seen.append(item),
        on_deleted=lambda *_: None,
        on_synced=lambda *_: None,
        on_deaf=lambda _: seen.append("deaf"),
        monotonic=lambda: 0.0,
    )
    intake.watched(KIND, odd)
    intake.watched(KIND, odd)
    assert seen == [odd, odd]


@pytest.mark.parametrize("odd", [{}, {"metadata": None}, {"metadata": {}}, {"metadata": {"uid": 7}}])
def test_an_object_without_identity_is_passed_over(engine, odd):
    engine.intake.watched(KIND, odd)
    engine.sweep(odd, body("a", 1))
    assert engine.objects == {"a": 1}


def test_a_watch_that_stays_silent_about_a_change_is_deaf(engine):
    engine.sweep(body("a", 1))
    engine.now = 300.0
    engine.sweep(body("a", 1))
    assert engine.deaf == 1


def test_a_deaf_watch_is_found_although_the_object_changes_all_the_time(engine):
    for n in range(5):
        engine.now = n * 10.0
        engine.sweep(body("a", n))
    assert engine.deaf >= 1


def test_a_watch_that_is_a_moment_late_is_not_deaf(engine):
    for n in range(1, 20):
        engine.now = n * 300.0
        engine.sweep(body("a", n))
        engine.intake.watched(KIND, body("a", n))
    assert engine.deaf == 0


def test_a_watch_that_goes_deaf_after_hearing_well_is_found(engine):
    for n in range(1, 4):
        engine.now = n * 300.0
        engine.sweep(body("a", n))
        engine.intake.watched(KIND, body("a", n))
    for n in range(4, 7):
        engine.now = n * 300.0
        engine.sweep(body("a", n))
    assert engine.deaf >= 1


def test_sweeps_in_quick_succession_do_not_accuse_the_watch(engine):
    for _ in range(5):
        engine.now += 1.0
        engine.sweep(body("a", 1))
    assert engine.deaf == 0


class World:
    """A cluster, its watch (late, in order for each object) and its LISTs (a snapshot whose pages arrive late)."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.engine = Engine()
        self.cluster: dict[str, int] = {}
        self.unheard: dict[str, list[int | None]] = {}  # what the watch has yet to deliver; None: deleted
        self.pages: list[tuple[str, int]] | None = None
        self.version = 0

    def step(self):
        self.dice.choice(
            [self.create, self.change, self.delete, self.hear, self.hear, self.list, self.page, self.page]
        )()

    def create(self):
        self.version += 1
        uid = f"u{self.version}"
        self.cluster[uid] = self.version
        self.unheard[uid] = [self.version]

    def change(self):
        if self.cluster:
            self.version += 1
            uid = self.dice.choice(sorted(self.cluster))
            self.cluster[uid] = self.version
            self.unheard[uid].append(self.version)

    def delete(self):
        if self.cluster:
            uid = self.dice.choice(sorted(self.cluster))
            del self.cluster[uid]
            self.unheard[uid].append(None)

    def hear(self):
        waiting = sorted(uid for uid, queue in self.unheard.items() if queue)
        if waiting:
            uid = self.dice.choice(waiting)
            version = self.unheard[uid].pop(0)
            if version is None:
                self.engine.intake.unwatched(KIND, uid)
            else:
                self.engine.intake.watched(KIND, body(uid, version))

    def list(self):
        if self.pages is None:
            self.engine.intake.begin(KIND)
            self.pages = sorted(self.cluster.items())

    def page(self):
        if self.pages:
            self.engine.intake.listed(KIND, body(*self.pages.pop(0)))
        elif self.pages is not None:
            self.engine.intake.complete(KIND)
            self.pages = None


@given(seed=st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_whatever_the_order_of_watch_and_list_the_engine_ends_with_what_the_cluster_holds(seed):
    world = World(seed)
    for _ in range(120):
        world.step()
    while world.pages is not None or any(world.unheard.values()):
        world.dice.choice([world.hear, world.page])()
    assert world.engine.objects == world.cluster
