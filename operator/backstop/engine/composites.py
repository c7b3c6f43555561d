"""Keeps composites up to date with the SLOs that they are made of, as those come, change, are refused and go.

What changes is looked at a moment later, and once for all that changed meanwhile: `kubectl apply` of a folder creates a
composite before its components, and 10,000 SLOs at start must not resolve each composite 10,000 times.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from backstop.domain.composite import resolve
from backstop.domain.errors import SpecError
from backstop.domain.slo import SLO, CompositeIndicator, Uid
from backstop.engine.registry import Registered, Registry
from backstop.ports.clock import Clock
from backstop.vocabulary import MAX_NESTING

PATIENCE_SECONDS: Final = 1.0  # from a change to a second look
LOOK_SECONDS: Final = 0.5

_Name = tuple[str, str]  # namespace and name


class Follow(Protocol):
    """What makes the engine agree with a composite as it is now."""

    def __call__(self, registered: Registered[SLO], *, known_before: bool, patient: bool) -> None:
        """`patient`: its components may only be on their way, so that nothing is said yet if they are missing."""
        ...


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A composite that is to be looked at."""

    since: float  # monotonic seconds
    known_before: bool  # its status had a known state already


class Composites:
    """SLOs by name, and composites by the names of their components.

    `may_tell` is whether all SLOs are known: before, nobody can say that one is missing.
    """

    def __init__(self, registry: Registry[SLO], *, clock: Clock, follow: Follow, may_tell: Callable[[], bool]) -> None:
        self._registry = registry
        self._clock = clock
        self._follow = follow
        self._may_tell = may_tell
        self._uids: dict[_Name, Uid] = {}
        self._users: dict[_Name, set[Uid]] = {}
        self._used: dict[Uid, frozenset[_Name]] = {}
        self._waiting: dict[Uid, _Waiting] = {}

    def put(self, registered: Registered[SLO]) -> None:
        """Take an SLO that is new or has changed; the composites that use it are looked at again."""
        ref = registered.ref
        self._uids[ref.namespace, ref.name] = ref.uid
        self._index(ref.uid, _components(registered))
        self._touch_users(ref.namespace, ref.name)

    def remove(self, registered: Registered[SLO]) -> None:
        """Take the deletion of an SLO; the composites that use it are looked at again."""
        ref = registered.ref
        if self._uids.get((ref.namespace, ref.name)) == ref.uid:  # else the name is another object's by now
            del self._uids[ref.namespace, ref.name]
        self._index(ref.uid, frozenset())
        self._waiting.pop(ref.uid, None)
        self._touch_users(ref.namespace, ref.name)

    def resolve(self, slo: SLO) -> SLO:
        """Return an SLO as it is to be evaluated. Raises ComponentRefused."""
        return resolve(slo, self._find)

    def wait(self, uid: Uid, *, known_before: bool = True) -> None:
        """Look at a composite again in a moment."""
        self._waiting.setdefault(uid, _Waiting(self._clock.monotonic(), known_before))

    async def run(self) -> None:
        """Look at what waits, until cancelled."""
        while True:
            now = self._clock.monotonic()
            ripe = [(uid, w) for uid, w in self._waiting.items() if now - w.since >= PATIENCE_SECONDS]
            for uid, waiting in ripe:
                self._waiting.pop(uid, None)
                if (registered := self._registry.get(uid)) is not None:
                    self._follow(registered, known_before=waiting.known_before, patient=not self._may_tell())
                await asyncio.sleep(0)  # thousands of composites may use one SLO; evaluations go in between
            await self._clock.sleep(LOOK_SECONDS)

    def _find(self, namespace: str, name: str) -> SLO | SpecError | None:
        uid = self._uids.get((namespace, name))
        registered = None if uid is None else self._registry.get(uid)
        return None if registered is None else registered.problem or registered.parsed

    def _index(self, uid: Uid, names: frozenset[_Name]) -> None:
        before = self._used.pop(uid, frozenset())
        for name in before - names:
            self._users[name].discard(uid)
            if not self._users[name]:
                del self._users[name]
        for name in names:
            self._users.setdefault(name, set()).add(uid)
        if names:
            self._used[uid] = names

    def _touch_users(self, namespace: str, name: str) -> None:
        """Look again at the composites that an SLO is a part of, and at those that these are a part of."""
        names = {(namespace, name)}
        for _ in range(MAX_NESTING):
            users = {uid for each in names for uid in self._users.get(each, ())}
            for uid in users:
                self.wait(uid)
            refs = [registered.ref for uid in users if (registered := self._registry.get(uid)) is not None]
            names = {(ref.namespace, ref.name) for ref in refs}


def _components(registered: Registered[SLO]) -> frozenset[_Name]:
    slo = registered.parsed
    if slo is None or not isinstance(slo.indicator, CompositeIndicator):
        return frozenset()
    return frozenset((slo.namespace, component.name) for component in slo.indicator.components)
