"""What is listed is watched, and a watch that fails before it begins does not fail in silence."""

import asyncio

from backstop.adapters.kopf.watcher import KINDS, WatchCallbacks, Watcher
from backstop.adapters.kubernetes import calls
from tests.adapters.kubernetes.waiting import eventually


def test_every_kind_that_is_listed_is_watched():
    assert {kind: resource.plural for kind, resource in calls.KINDS.items()} == KINDS


async def test_a_run_that_fails_before_it_begins_is_reported_and_tried_again():
    restarts = []
    callbacks = WatchCallbacks(
        on_object=print, on_deleted=print, on_listed=print, on_restart=lambda *why: restarts.append(why)
    )
    watcher = Watcher("Unheard", callbacks, loop=asyncio.get_running_loop(), login=None, pauses_seconds=(0.0,))
    watcher.start()
    await eventually(lambda: len(restarts) > 1)
    await asyncio.to_thread(watcher.stop)
    assert set(restarts) == {("Unheard", "KeyError: 'Unheard'")}
