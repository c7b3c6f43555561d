"""Joins the watch and the LIST into one stream without going back in time.

The watch is fast and can lose deletions (a re-list after an expired watch shows only what is left) or fall silent. The
LIST is complete and seconds old. Both run at once, in different threads and requests; taken as they come, a LIST would
bring back what was just deleted, remove what was just created, and show an old spec after the new one. So all of it
passes here, in the engine's loop, before the engine sees it:

- a body older than the one delivered is dropped;
- what the watch showed or deleted while a LIST ran outweighs that LIST;
- a LIST that contradicts what was known before it began is believed: it was read from the quorum (etcd restored
  from a backup counts backwards);
- an object that two LISTs in a row show newer than the watch does proves that the watch is deaf.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from backstop.adapters.kubernetes.versions import version_number

log = structlog.get_logger(__name__)

Body = Mapping[str, Any]

DEAF_AFTER_SECONDS: Final = 20.0  # a watch that is alive delivers within one


@dataclass(slots=True)
class _Kind:
    delivered: dict[str, int | None] = field(default_factory=dict)  # uid: version that the engine has
    watched: dict[str, int] = field(default_factory=dict)  # uid: newest version that the watch showed
    listing: bool = False
    listed: dict[str, int | None] = field(default_factory=dict)  # by the LIST under way
    touched: set[str] = field(default_factory=set)  # shown by the watch since the LIST began
    deleted: set[str] = field(default_factory=set)  # deleted by the watch since the LIST began
    unheard: dict[str, tuple[int, float]] = field(default_factory=dict)  # uid: listed version, monotonic second


class Intake:
    """Not for several threads: every call is made in the engine's loop."""

    def __init__(
        self,
        *,
        on_object: Callable[[str, Body], None],
        on_deleted: Callable[[str, str], None],
        on_synced: Callable[[str, frozenset[str]], None],
        on_deaf: Callable[[str], None],
        monotonic: Callable[[], float],
    ) -> None:
        self._on_object = on_object
        self._on_deleted = on_deleted
        self._on_synced = on_synced
        self._on_deaf = on_deaf
        self._monotonic = monotonic
        self._kinds: dict[str, _Kind] = {}

    def watched(self, kind: str, body: Body) -> None:
        """Take an object from the watch."""
        state = self._kinds.setdefault(kind, _Kind())
        uid, version = _identity(body)
        if uid is None:
            return
        if version is not None:
            state.watched[uid] = max(version, state.watched.get(uid, version))
        if state.listing:
            state.touched.add(uid)
            state.deleted.discard(uid)
        if not _is_older(version, state.delivered.get(uid)):
            self._deliver(kind, state, uid, version, body)

    def unwatched(self, kind: str, uid: str) -> None:
        """Take a deletion from the watch."""
        state = self._kinds.setdefault(kind, _Kind())
        state.delivered.pop(uid, None)
        state.watched.pop(uid, None)
        if state.listing:
            state.deleted.add(uid)
            state.touched.discard(uid)
        self._on_deleted(kind, uid)

    def begin(self, kind: str) -> None:
        """A LIST is about to be asked for. An unfinished one before it is forgotten."""
        state = self._kinds.setdefault(kind, _Kind())
        state.listing = True
        state.listed.clear()
        state.touched.clear()
        state.deleted.clear()

    def listed(self, kind: str, body: Body) -> None:
        """Take an object from the LIST under way."""
        state = self._kinds[kind]
        uid, version = _identity(body)
        if uid is None:
            return
        state.listed[uid] = version
        if uid in state.deleted:
            return
        known = uid in state.delivered
        newer_is_here = uid in state.touched and known and _is_older(version, state.delivered[uid])
        unchanged = known and version is not None and version == state.delivered[uid]
        if not newer_is_here and not unchanged:
            self._deliver(kind, state, uid, version, body)

    def complete(self, kind: str) -> None:
        """The LIST is complete: report which objects there are, and judge the watch by it."""
        state = self._kinds[kind]
        state.listing = False
        present = (state.listed.keys() | state.touched) - state.deleted
        for gone in state.delivered.keys() - present:
            del state.delivered[gone]
            state.watched.pop(gone, None)
        self._on_synced(kind, frozenset(present))
        if self._is_deaf(state):
            log.warning("watch.deaf", kind=kind, unheard=len(state.unheard))
            state.unheard.clear()
            self._on_deaf(kind)
        state.listed.clear()

    def _deliver(self, kind: str, state: _Kind, uid: str, version: int | None, body: Body) -> None:
        state.delivered[uid] = version
        self._on_object(kind, body)

    def _is_deaf(self, state: _Kind) -> bool:
        now = self._monotonic()
        overdue = any(
            since + DEAF_AFTER_SECONDS <= now and uid in state.listed and state.watched.get(uid, -1) < version
            for uid, (version, since) in state.unheard.items()
        )
        newer = {
            uid: version
            for uid, version in state.listed.items()
            if version is not None and state.watched.get(uid, -1) < version
        }
        still = {uid: seen for uid, seen in state.unheard.items() if state.watched.get(uid, -1) < seen[0]}
        # The first sighting counts: a busy object must not hide a silent watch behind ever newer versions.
        state.unheard = {uid: still.get(uid, (version, now)) for uid, version in newer.items()}
        return overdue


def _identity(body: Body) -> tuple[str | None, int | None]:
    metadata = body.get("metadata")
    if not isinstance(metadata, Mapping) or not isinstance(metadata.get("uid"), str):
        return None, None
    return metadata["uid"], version_number(metadata.get("resourceVersion"))


def _is_older(version: int | None, than: int | None) -> bool:
    return version is not None and than is not None and version < than
