"""Follows NotificationChannel objects: which can be used, and what their status says.

Whether a channel can be used is checked before an incident needs it: its host against the configuration, and its Secret
by reading it. What is read there is dropped; for a message it is read again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from backstop.api.to_channel import KIND, to_channel
from backstop.domain.errors import AccessDenied, ClusterUnavailable, SecretMissing
from backstop.domain.notification import Attempt, Notification
from backstop.domain.notification_channel import NotificationChannel
from backstop.domain.outbound import Outbound
from backstop.domain.slo import Uid
from backstop.engine.channel_status import (
    Course,
    Usability,
    after_attempt,
    channel_status,
    course_in,
    refused_channel_status,
)
from backstop.engine.publisher import StatusPublisher
from backstop.engine.registry import Registered, Registry, status_of
from backstop.ports.clock import Clock
from backstop.ports.cluster import Leadership
from backstop.ports.notifier import SecretReader
from backstop.vocabulary import ChannelReason, Reason

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
CHECK_SECONDS: Final = 300.0  # a channel that can be used
RECHECK_SECONDS: Final = 15.0  # one that cannot: somebody may be mending it

_UNCHECKED: Final = Usability(usable=None, reason=ChannelReason.BEING_CHECKED, message="its Secret was not read yet")


@dataclass(slots=True)
class _Followed:
    """A channel in force. `due` is when it is checked next, in monotonic seconds."""

    registered: Registered[NotificationChannel]
    channel: NotificationChannel
    usability: Usability = _UNCHECKED
    due: float = field(default=float("-inf"))


class NotificationChannels:
    """The channels of the cluster. `changed` is called with one that was made or edited: what waits may go now."""

    def __init__(
        self,
        *,
        clock: Clock,
        publisher: StatusPublisher,
        leadership: Leadership,
        secrets: SecretReader,
        outbound: Callable[[], Outbound],
        changed: Callable[[str, str], None],
    ) -> None:
        self._clock = clock
        self._publisher = publisher
        self._leadership = leadership
        self._secrets = secrets
        self._outbound = outbound  # asked each time: the configuration may change
        self._changed = changed  # namespace, name
        self._registry: Registry[NotificationChannel] = Registry(to_channel)
        self._by_name: dict[tuple[str, str], Uid] = {}
        self._followed: dict[Uid, _Followed] = {}
        self._courses: dict[Uid, Course] = {}

    def on_object(self, body: Mapping[str, Any]) -> None:
        """Take an object as it is now in the cluster."""
        registered, changed = self._registry.put(KIND, body)
        if registered is None:
            return
        uid, known = registered.ref.uid, status_of(body)
        if uid not in self._courses or not self._leadership.is_leader():
            self._courses[uid] = course_in(known)  # what another replica has sent meanwhile counts too
        self._publisher.seen(registered.ref, known)
        if changed:
            self._follow(registered)

    def on_deleted(self, uid: str) -> None:
        """Take the deletion of an object."""
        removed = self._registry.remove(Uid(uid))
        self._followed.pop(Uid(uid), None)
        self._courses.pop(Uid(uid), None)
        self._publisher.forget(Uid(uid))
        if removed is not None:
            key = (removed.ref.namespace, removed.ref.name)
            if self._by_name.get(key) == removed.ref.uid:  # not one made anew under the name
                del self._by_name[key]
            log.info("object.deleted", kind=KIND, channel=removed.ref.key)

    def on_synced(self, uids: frozenset[str]) -> None:
        """Take the uids of a complete LIST: what we hold beyond them was deleted unseen."""
        for uid in self._registry.missing_from(uids):
            self.on_deleted(uid)

    def get(self, namespace: str, name: str) -> Registered[NotificationChannel] | None:
        """Return the channel of that name, valid or refused; None when there is none."""
        uid = self._by_name.get((namespace, name))
        return None if uid is None else self._registry.get(uid)

    def attempted(self, channel: NotificationChannel, attempt: Attempt, result: Notification) -> None:
        """Take how an attempt to send through a channel went, and what became of its notification."""
        if channel.uid not in self._courses:
            return  # deleted meanwhile
        now = self._clock.now()
        self._courses[channel.uid] = after_attempt(self._courses[channel.uid], attempt, result, now=now)
        if (followed := self._followed.get(channel.uid)) is not None:
            self._show(followed)

    async def run(self) -> None:
        """Check channels and keep their statuses as they should be, until cancelled."""
        while True:
            now = self._clock.monotonic()
            if self._leadership.is_leader():  # others write nothing, and need not read Secrets for it
                for followed in [f for f in self._followed.values() if f.due <= now]:
                    await self._check(followed)
            await self._clock.sleep(LOOK_SECONDS)

    def _follow(self, registered: Registered[NotificationChannel]) -> None:
        ref, channel, problem = registered.ref, registered.valid, registered.problem
        self._by_name[(ref.namespace, ref.name)] = ref.uid
        if channel is not None:
            self._followed[ref.uid] = _Followed(registered, channel)
        else:
            self._followed.pop(ref.uid, None)
        if problem is not None:
            course = self._courses[ref.uid]
            self._publisher.show(
                ref.uid,
                lambda previous, now: refused_channel_status(
                    problem, registered.reason, course, generation=registered.generation, previous=previous, now=now
                ),
            )
        self._changed(ref.namespace, ref.name)

    async def _check(self, followed: _Followed) -> None:
        usability = await self._usability(followed.channel)
        if self._followed.get(followed.channel.uid) is not followed:
            return  # edited or deleted meanwhile
        mended = usability.usable and followed.usability.usable is False
        followed.usability = usability
        wait = CHECK_SECONDS if usability.usable else RECHECK_SECONDS
        followed.due = self._clock.monotonic() + wait
        self._show(followed)
        if mended:
            self._changed(followed.channel.namespace, followed.channel.name)

    async def _usability(self, channel: NotificationChannel) -> Usability:
        webhook = channel.webhook
        problem = self._outbound().host_problem(webhook.host, secure=webhook.secure)
        if problem is not None:
            return Usability(usable=False, reason=ChannelReason.HOST_NOT_ALLOWED, message=problem)
        try:
            await self._secrets.read_secret(channel.namespace, webhook.signing_key)
        except SecretMissing as missing:
            return Usability(usable=False, reason=ChannelReason.KEY_MISSING, message=str(missing))
        except AccessDenied as denied:
            return Usability(usable=False, reason=Reason.FORBIDDEN, message=str(denied))
        except ClusterUnavailable as away:
            return Usability(usable=None, reason=ChannelReason.KEY_UNREADABLE, message=str(away))
        return Usability(usable=True, reason=ChannelReason.USABLE, message=f"messages go to {webhook.host}")

    def _show(self, followed: _Followed) -> None:
        course, usability = self._courses[followed.channel.uid], followed.usability
        self._publisher.show(
            followed.channel.uid,
            lambda previous, now: channel_status(
                usability, course, generation=followed.registered.generation, previous=previous, now=now
            ),
        )
