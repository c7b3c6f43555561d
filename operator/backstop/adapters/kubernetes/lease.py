"""Carries out the election of `domain/leadership.py` on a Lease of coordination.k8s.io.

Every write names the version that was read, so of two replicas that write at once one gets a conflict. Times inside the
Lease are for people and other tools; no decision reads them.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from backstop.adapters.kubernetes.calls import LEASES, ApiCall, Verb
from backstop.adapters.kubernetes.client import KubernetesClient
from backstop.adapters.kubernetes.errors import NotFound
from backstop.adapters.kubernetes.times import micro_time
from backstop.domain.errors import AccessDenied, ClusterUnavailable, Conflict
from backstop.domain.leadership import (
    Candidacy,
    FencingToken,
    LeaseAction,
    LeaseDecision,
    LeaseReason,
    LeaseRecord,
    LeaseSettings,
    decide,
    next_transitions,
)
from backstop.ports.clock import Clock
from backstop.vocabulary import LEASE_NAME

log = structlog.get_logger(__name__)

_JITTER: Final = 0.2  # of the retry period, so that candidates do not move in step
_RELEASED_DURATION: Final = 1  # the API refuses 0


@dataclass(slots=True)
class _Stored:
    """The Lease object as last read or written, with everything that others keep in it."""

    body: dict[str, Any]

    @property
    def record(self) -> LeaseRecord:
        spec = self.body.get("spec") or {}
        duration = spec.get("leaseDurationSeconds")
        return LeaseRecord(
            uid=self.body["metadata"]["uid"],
            holder=spec.get("holderIdentity") or "",
            duration=float(duration) if duration else None,
            transitions=spec.get("leaseTransitions") or 0,
            renewed=str(spec.get("renewTime")),
        )


class LeaseElector:
    """ports.cluster.Leadership.

    `identity` must be unique per process: pod uid and something random. `on_change` is called in the loop with the new
    state after each change, at the latest when the renew deadline has passed; `is_leader` knows by itself.
    """

    def __init__(
        self,
        client: KubernetesClient,
        *,
        namespace: str,
        identity: str,
        clock: Clock,
        settings: LeaseSettings | None = None,
        on_change: Callable[[bool], None] = lambda _: None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._clock = clock
        self._settings = settings or LeaseSettings()
        self._on_change = on_change
        self._jitter = jitter
        self._me = Candidacy(identity=identity, settings=self._settings)
        self._stored: _Stored | None = None
        self._told = False
        self._last_stamp: datetime | None = None

    def is_leader(self) -> bool:
        """True only while our lease cannot have expired, by the monotonic clock."""
        return self._me.leads_at(self._clock.monotonic())

    @property
    def token(self) -> FencingToken | None:
        """The fencing token of our term; None while not leading."""
        return self._me.token if self.is_leader() else None

    @property
    def holder(self) -> str:
        """Who held the Lease when it was last read; empty when nobody did."""
        return self._me.record.holder if self._me.record else ""

    async def run(self) -> None:
        """Take part until cancelled. Cancelling does not release: call `release` when nothing acts any more."""
        while True:
            await self._clock.sleep(await self._turn())

    async def release(self) -> None:
        """Stop leading and let another replica begin at once. Does nothing while not leading; never raises."""
        self._me = self._me.stepped_down()
        self._tell(LeaseReason.RELEASED)
        if self.holder != self._me.identity:
            return
        try:
            # Read first: a renewal that was cancelled on its way may have landed.
            await self._read()
            if self._stored is not None and self.holder == self._me.identity:
                changes = {"holderIdentity": "", "leaseDurationSeconds": _RELEASED_DURATION}
                await self._write(self._stored, changes)
        except (AccessDenied, ClusterUnavailable, Conflict, NotFound) as problem:
            log.warning("lease.not_released", problem=str(problem))  # it expires by itself

    async def _turn(self) -> float:
        """Read, decide, act. Return the seconds until the next turn."""
        if self._me.renewed_at is not None and not self.is_leader():
            self._step_down(LeaseReason.DEADLINE_PASSED)  # before any call that could take its time
        try:
            # Without the Lease in hand the first thing is to look; a leader trusts its own last write.
            if self._stored is None or not self.is_leader():
                await self._read()
            decision = decide(self._me, now=self._clock.monotonic())
            if decision.action in (LeaseAction.ACQUIRE, LeaseAction.RENEW):
                await self._claim(decision)
        except Conflict:
            self._stored = None  # somebody wrote in between: look again at once
            return self._after_failure(0.0)
        except NotFound as problem:
            self._stored = None
            log.warning("lease.not_found", problem=str(problem))
            return self._after_failure(self._settings.retry_period)
        except ClusterUnavailable as problem:
            log.warning("lease.unreachable", leading=self.is_leader(), problem=str(problem))
            return self._after_failure(self._settings.retry_period)
        except AccessDenied as problem:
            log.error("lease.forbidden", problem=str(problem))  # noqa: TRY400  the rule to grant says it all
            return self._after_failure(self._settings.renew_deadline)
        return self._rest(decision)

    def _rest(self, decision: LeaseDecision) -> float:
        if decision.action is LeaseAction.STEP_DOWN:
            self._step_down(decision.reason)
            return 0.0
        self._tell(decision.reason)
        if decision.action is LeaseAction.WAIT:
            period = self._settings.retry_period * (1 + _JITTER * self._jitter())
            return min(decision.recheck_in, period)
        return self._settings.retry_period

    def _after_failure(self, seconds: float) -> float:
        """A leader that cannot renew goes on trying until its deadline, and not a moment longer."""
        now = self._clock.monotonic()
        if self._me.renewed_at is None:
            return seconds
        if not self._me.leads_at(now):
            self._step_down(LeaseReason.DEADLINE_PASSED)
            return seconds
        return min(seconds, self._me.renewed_at + self._settings.renew_deadline - now)

    def _step_down(self, reason: LeaseReason) -> None:
        self._me = self._me.stepped_down()
        self._stored = None
        self._tell(reason)

    def _tell(self, reason: LeaseReason) -> None:
        leading = self.is_leader()
        if leading == self._told:
            return
        self._told = leading
        log.info("lease.leading" if leading else "lease.lost", reason=str(reason), holder=self.holder)
        self._on_change(leading)

    async def _read(self) -> None:
        try:
            body = await self._client.request(self._call(Verb.GET), timeout_seconds=self._timeout())
        except NotFound as problem:
            if problem.kind_missing:
                raise
            self._stored = None
        else:
            self._stored = _Stored(body)
        record = self._stored.record if self._stored else None
        self._me = self._me.saw(record, now=self._clock.monotonic())

    async def _claim(self, decision: LeaseDecision) -> None:
        sent_at = self._clock.monotonic()
        stamp = self._stamp()
        spec: dict[str, Any] = {
            "holderIdentity": self._me.identity,
            "leaseDurationSeconds": int(self._settings.duration),
            "renewTime": stamp,
        }
        if decision.action is LeaseAction.ACQUIRE:
            spec |= {"acquireTime": stamp, "leaseTransitions": next_transitions(self._me.record)}
        stored = await (self._create(spec) if self._stored is None else self._write(self._stored, spec))
        self._stored = stored
        self._me = self._me.wrote(stored.record, sent_at=sent_at, now=self._clock.monotonic())

    def _stamp(self) -> str:
        """Return a time stamp that this process never wrote before.

        Others see that we live by the stamp changing. A wall clock that stands still or goes back must not make two
        renewals look alike, so a stamp is always later than the one before.
        """
        now = self._clock.now()
        if self._last_stamp is not None:
            now = max(now, self._last_stamp + timedelta(microseconds=1))
        self._last_stamp = now
        return micro_time(now)

    async def _create(self, spec: Mapping[str, Any]) -> _Stored:
        body = {
            "apiVersion": f"{LEASES.group}/{LEASES.version}",
            "kind": "Lease",
            "metadata": {"name": LEASE_NAME, "namespace": self._namespace},
            "spec": dict(spec),
        }
        call = ApiCall(verb=Verb.CREATE, resource=LEASES, namespace=self._namespace)
        return _Stored(await self._client.request(call, body=body, timeout_seconds=self._timeout()))

    async def _write(self, stored: _Stored, changes: Mapping[str, Any]) -> _Stored:
        body = stored.body | {"spec": {**(stored.body.get("spec") or {}), **changes}}
        return _Stored(await self._client.request(self._call(Verb.UPDATE), body=body, timeout_seconds=self._timeout()))

    def _call(self, verb: Verb) -> ApiCall:
        return ApiCall(verb=verb, resource=LEASES, namespace=self._namespace, name=LEASE_NAME)

    def _timeout(self) -> float:
        """A call may take until the renew deadline, and half of it at most, so that there is time for a second one."""
        half = self._settings.renew_deadline / 2
        if self._me.renewed_at is None:
            return half
        left = self._me.renewed_at + self._settings.renew_deadline - self._clock.monotonic()
        return min(half, max(left, 0.001))
