"""A cluster that keeps records in memory, with versions and conflicts as the real one has them."""

import copy
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from backstop.domain.errors import Conflict

Body = Mapping[str, Any]


class Killed(BaseException):
    """The process ends here, as by kill -9."""


class MemoryRecords:
    """Implements ports.records.RecordStore.

    `before` and `after` are called with the name of each call that changes something, and may raise: so a test makes it
    fail, or ends the process, before or after it lands. `watch` gets every object that changed.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.calls: list[str] = []
        self.before: Callable[[str], None] = lambda _: None
        self.after: Callable[[str], None] = lambda _: None
        self.watch: Callable[[Body], None] = lambda _: None
        self._version = 100

    async def create(self, body: Body) -> Body | None:
        self._begin("create")
        key = (body["metadata"]["namespace"], body["metadata"]["name"])
        if key in self.objects:
            raise Conflict(f"{key} exists")
        stored = _plain(body)
        stored.pop("status", None)
        stored["metadata"] |= {"uid": f"uid-{self._version}", "generation": 1}
        return self._end("create", key, stored)

    async def read(self, namespace: str, name: str) -> Body | None:
        self.calls.append("read")
        found = self.objects.get((namespace, name))
        return None if found is None else _plain(found)

    async def list_all(self, deliver: Callable[[Body], None]) -> bool:
        self.calls.append("list")
        for body in list(self.objects.values()):
            deliver(_plain(body))
        return True

    async def write_status(self, namespace: str, name: str, version: str, status: Mapping[str, Any]) -> Body | None:
        self._begin("status")
        if (stored := self._read(namespace, name, version)) is None:
            return None
        return self._end("status", (namespace, name), stored | {"status": _plain(status)})

    async def drop_annotations(self, namespace: str, name: str, version: str, names: Collection[str]) -> Body | None:
        self._begin("annotations")
        if (stored := self._read(namespace, name, version)) is None:
            return None
        for annotation in names:
            stored["metadata"].get("annotations", {}).pop(annotation, None)
        return self._end("annotations", (namespace, name), stored)

    async def delete(self, namespace: str, name: str, uid: str, version: str) -> None:
        self._begin("delete")
        if (stored := self._read(namespace, name, version)) is not None:
            assert stored["metadata"]["uid"] == uid
            del self.objects[namespace, name]
            self.after("delete")

    def annotate(self, namespace: str, name: str, annotations: Mapping[str, str]) -> Body:
        """Do what a person does: set annotations."""
        stored = _plain(self.objects[namespace, name])
        stored["metadata"].setdefault("annotations", {}).update(annotations)
        return self._store((namespace, name), stored)

    def _read(self, namespace: str, name: str, version: str) -> dict[str, Any] | None:
        stored = self.objects.get((namespace, name))
        if stored is None:
            return None
        if stored["metadata"]["resourceVersion"] != version:
            raise Conflict(f"{namespace}/{name} moved on")
        return _plain(stored)

    def _begin(self, call: str) -> None:
        self.calls.append(call)
        self.before(call)

    def _end(self, call: str, key: tuple[str, str], stored: dict[str, Any]) -> Body:
        told = self._store(key, stored)
        self.after(call)
        return told

    def _store(self, key: tuple[str, str], stored: dict[str, Any]) -> Body:
        self._version += 1
        stored["metadata"]["resourceVersion"] = str(self._version)
        self.objects[key] = stored
        self.watch(_plain(stored))
        return _plain(stored)


def _plain(body: Body) -> dict[str, Any]:
    """Return a copy that went through JSON, as through the API server."""
    copied: dict[str, Any] = json.loads(json.dumps(copy.deepcopy(dict(body))))
    return copied
