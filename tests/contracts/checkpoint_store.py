"""What every checkpoint store promises: one test per promise of the docstrings of `ports.checkpoints.CheckpointStore`.

An implementation joins by a class with the fixtures `store`, empty, and `away`, one that can do nothing just now.
"""

import pytest

from backstop.domain.errors import CheckpointUnavailable
from backstop.ports.checkpoints import Checkpoint, CheckpointStore, Loaded
from tests.checkpoints import a_checkpoint, same


async def saved(store: CheckpointStore, *checkpoints: Checkpoint, at: float = 1000.0) -> int:
    return await store.save(checkpoints, at=at)


async def uids(store: CheckpointStore, *asked: str) -> set[str]:
    return set((await store.load(dict.fromkeys(asked, "what"))).checkpoints)


class CheckpointStoreContract:
    async def test_what_was_saved_is_loaded_as_it_was(self, store: CheckpointStore) -> None:
        one = a_checkpoint(
            "one", groups=3, facts={"anchor": 60, "share": 0.1, "none": None, "list": [1.5], "text": "ü"}
        )
        await saved(store, one, a_checkpoint("two"))
        loaded = await store.load({"one": "what"})
        assert list(loaded.checkpoints) == ["one"]
        assert same(loaded.checkpoints["one"], one)

    async def test_the_newest_save_counts_and_leaves_nothing_of_the_one_before(self, store: CheckpointStore) -> None:
        await saved(store, a_checkpoint("one", groups=3, events=5.0))
        newest = a_checkpoint("one", groups=1, events=7.0)
        await saved(store, newest)
        assert same((await store.load({"one": "what"})).checkpoints["one"], newest)

    async def test_what_was_never_saved_is_left_out(self, store: CheckpointStore) -> None:
        assert await store.load({"one": "what"}) == Loaded()

    async def test_what_counts_other_events_is_left_out_and_counted(self, store: CheckpointStore) -> None:
        await saved(store, a_checkpoint("one"), a_checkpoint("two"))
        loaded = await store.load({"one": "else", "two": "what"})
        assert (set(loaded.checkpoints), loaded.changed, loaded.damaged) == ({"two"}, 1, 0)

    async def test_what_was_changed_back_is_still_there(self, store: CheckpointStore) -> None:
        await saved(store, a_checkpoint("one"))
        await store.load({"one": "else"})
        assert await uids(store, "one") == {"one"}

    async def test_a_save_tells_how_much_is_taken(self, store: CheckpointStore) -> None:
        few = await saved(store, a_checkpoint("one"))
        many = await saved(store, *(a_checkpoint(f"{n}") for n in range(50)))
        assert 0 < few < many

    async def test_of_what_is_gone_only_the_old_is_forgotten(self, store: CheckpointStore) -> None:
        await saved(store, a_checkpoint("gone"), a_checkpoint("here"), at=1000.0)
        await saved(store, a_checkpoint("gone lately"), at=2000.0)
        assert await store.prune(frozenset({"here"}), gone_before=2000.0, unsaved_before=500.0) == 1
        assert await uids(store, "gone", "here", "gone lately") == {"here", "gone lately"}

    async def test_what_exists_is_forgotten_when_it_was_not_saved_for_very_long(self, store: CheckpointStore) -> None:
        await saved(store, a_checkpoint("refused"), at=1000.0)
        await saved(store, a_checkpoint("here"), at=2000.0)
        assert await store.prune(frozenset({"here", "refused"}), gone_before=1900.0, unsaved_before=1001.0) == 1
        assert await uids(store, "here", "refused") == {"here"}

    async def test_one_that_can_do_nothing_says_so(self, away: CheckpointStore) -> None:
        with pytest.raises(CheckpointUnavailable):
            await away.load({"one": "what"})
        with pytest.raises(CheckpointUnavailable):
            await saved(away, a_checkpoint("one"))
        with pytest.raises(CheckpointUnavailable):
            await away.prune(frozenset(), gone_before=0.0, unsaved_before=0.0)
