"""Kubernetes Events: one object per thing that happens to an SLO, counted when it happens again, never a flood."""

import hashlib
from collections import OrderedDict
from datetime import datetime
from typing import Any, Final

import structlog

from backstop.adapters.kubernetes.calls import EVENTS, ApiCall, Verb
from backstop.adapters.kubernetes.client import MERGE_PATCH, KubernetesClient
from backstop.adapters.kubernetes.errors import AlreadyExists, NotFound
from backstop.adapters.kubernetes.times import micro_time
from backstop.ports.clock import Clock
from backstop.ports.cluster import ObjectRef
from backstop.vocabulary import API_VERSION, GROUP

log = structlog.get_logger(__name__)

REPORTER: Final = f"{GROUP}/operator"
_NOTE_BYTES: Final = 1024  # of UTF-8; the server says "characters" and counts bytes
_NAME_CHARACTERS: Final = 200  # of 253; the rest is for the hash

# client-go's spam filter: an object may have 25 Events at once, and one more every five minutes.
_BURST: Final = 25.0
_REFILL_SECONDS: Final = 300.0
_REMEMBERED_OBJECTS: Final = 20_000


class EventBudget:
    """A token bucket per object. The object that was forgotten longest ago starts anew with a full one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # uid: (tokens, at monotonic second)

    def take(self, uid: str) -> bool:
        """Return whether one more Event is allowed for this object, and count it if so."""
        now = self._clock.monotonic()
        tokens, since = self._buckets.get(uid, (_BURST, now))
        tokens = min(_BURST, tokens + (now - since) / _REFILL_SECONDS)
        allowed = tokens >= 1
        self._buckets[uid] = (tokens - 1 if allowed else tokens, now)
        self._buckets.move_to_end(uid)
        if len(self._buckets) > _REMEMBERED_OBJECTS:
            self._buckets.popitem(last=False)
        return allowed


class EventRecorder:
    """Writes Events of events.k8s.io/v1. `instance` names this replica, at most 128 characters."""

    def __init__(self, client: KubernetesClient, *, clock: Clock, instance: str) -> None:
        self._client = client
        self._budget = EventBudget(clock)
        self._instance = instance

    async def emit(self, ref: ObjectRef, *, warning: bool, reason: str, note: str, at: datetime) -> None:
        """Record an Event, or count one more of the same. Beyond the object's budget it is logged and dropped.

        Raises AccessDenied or ClusterUnavailable. A namespace that is gone, or going, is not an error.
        """
        if not self._budget.take(ref.uid):
            log.warning("event.dropped", namespace=ref.namespace, name=ref.name, reason=reason)
            return
        body = _event(ref, warning=warning, reason=reason, note=note, at=at, instance=self._instance)
        name = body["metadata"]["name"]
        try:
            try:
                await self._client.request(_call(Verb.CREATE, ref.namespace), body=body)
            except AlreadyExists:
                await self._count_again(ref.namespace, name, at)
        except NotFound:
            # The namespace is going away, or the Event's hour was over between our two calls.
            log.debug("event.not_kept", namespace=ref.namespace, name=ref.name, reason=reason)

    async def _count_again(self, namespace: str, name: str, at: datetime) -> None:
        stored = await self._client.request(_call(Verb.GET, namespace, name))
        count = (stored.get("series") or {}).get("count") or 1
        await self._client.request(
            _call(Verb.PATCH, namespace, name),
            body={"series": {"count": count + 1, "lastObservedTime": micro_time(at)}},
            content_type=MERGE_PATCH,
        )


def event_name(ref: ObjectRef, *, warning: bool, reason: str, note: str) -> str:
    """Return the name of the Event: the same for the same thing said of the same object, in every replica."""
    same = "\x00".join((ref.uid, str(warning), reason, note))
    about = ref.name[:_NAME_CHARACTERS].rstrip("-.")  # a name may be cut anywhere but must not end so
    return f"{about}.{hashlib.sha256(same.encode()).hexdigest()[:16]}"


def _shortened(note: str) -> str:
    """Return as much of the note as the server takes."""
    encoded = note.encode()
    if len(encoded) <= _NOTE_BYTES:
        return note
    end = "…".encode()
    return encoded[: _NOTE_BYTES - len(end)].decode(errors="ignore") + "…"


def _event(ref: ObjectRef, *, warning: bool, reason: str, note: str, at: datetime, instance: str) -> dict[str, Any]:
    return {
        "apiVersion": f"{EVENTS.group}/{EVENTS.version}",
        "kind": "Event",
        "metadata": {
            "name": event_name(ref, warning=warning, reason=reason, note=note),
            "namespace": ref.namespace,
        },
        "eventTime": micro_time(at),
        "reportingController": REPORTER,
        "reportingInstance": instance,
        "action": "Evaluate",
        "reason": reason,
        "type": "Warning" if warning else "Normal",
        "note": _shortened(note),
        "regarding": {
            "apiVersion": API_VERSION,
            "kind": ref.kind,
            "namespace": ref.namespace,
            "name": ref.name,
            "uid": ref.uid,
        },
    }


def _call(verb: Verb, namespace: str, name: str | None = None) -> ApiCall:
    return ApiCall(verb=verb, resource=EVENTS, namespace=namespace, name=name)
