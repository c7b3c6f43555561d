"""A notifier that keeps what it was given."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable

from backstop.domain.notification import Attempt, attempt_of_answer
from backstop.domain.notification_channel import NotificationChannel
from backstop.ports.notifier import Message


class RecordingNotifier:
    """Implements ports.notifier.Notifier: 200 to everything, unless `answer` says otherwise.

    Attempts of a channel that is in `held` wait for its event.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[str, Message]] = []  # key of the channel
        self.answer: Callable[[NotificationChannel, Message], Attempt] = lambda _, __: attempt_of_answer(200)
        self.held: dict[str, asyncio.Event] = {}
        self.most_at_once: Counter[str] = Counter()
        self._now: Counter[str] = Counter()

    async def send(self, channel: NotificationChannel, message: Message) -> Attempt:
        self.sent.append((channel.key, message))
        self._now[channel.key] += 1
        self.most_at_once[channel.key] = max(self.most_at_once[channel.key], self._now[channel.key])
        try:
            if (event := self.held.get(channel.key)) is not None:
                await event.wait()
            return self.answer(channel, message)
        finally:
            self._now[channel.key] -= 1

    @property
    def ids(self) -> list[str]:
        return [message.id for _, message in self.sent]

    def causes(self, channel: str = "shop/oncall") -> list[str]:
        return [json.loads(message.body)["cause"] for key, message in self.sent if key == channel]
