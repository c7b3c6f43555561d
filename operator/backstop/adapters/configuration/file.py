"""The configuration file as it changes: read, compared by content, and a bad one never put in force (semantics K16)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from backstop.api.configuration import Configuration, ConfigurationError, parse_configuration
from backstop.domain.errors import SpecError
from backstop.ports.clock import Clock


class ConfigurationFile:
    """The last good configuration of a file, and what is wrong with the file as it is now.

    The file is read and its content compared, at intervals. Kubernetes replaces a mounted ConfigMap by moving a
    symbolic link of its folder, so neither the file's times nor notifications about the file itself would tell.
    """

    def __init__(self, path: Path, *, clock: Clock, poll_seconds: float = 5.0) -> None:
        """Read the file. Raises ConfigurationError: without a first good configuration there is nothing to keep."""
        self._path = path
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._seen: bytes | ConfigurationError = _read(path)
        self._current = _parse(path, self._seen)
        self._problem: ConfigurationError | None = None

    @property
    def current(self) -> Configuration:
        """The configuration in force: the last good one."""
        return self._current

    @property
    def problem(self) -> ConfigurationError | None:
        """What is wrong with the file as it is now; None while the file is in force."""
        return self._problem

    def refresh(self) -> bool:
        """Read the file again; return whether `current` or `problem` changed."""
        seen = _read(self._path)
        if _same(seen, self._seen):
            return False
        self._seen = seen
        before = self._current, self._problem
        try:
            self._current = _parse(self._path, seen)
            self._problem = None
        except ConfigurationError as exc:
            self._problem = exc
        return (self._current, self._problem) != before

    async def changes(self) -> AsyncIterator["ConfigurationFile"]:
        """Yield this object after every change of `current` or `problem`, for ever."""
        while True:
            await self._clock.sleep(self._poll_seconds)
            if await asyncio.to_thread(self.refresh):
                yield self


def _read(path: Path) -> bytes | ConfigurationError:
    try:
        return path.read_bytes()
    except OSError as exc:
        return ConfigurationError((SpecError("", f"{path} cannot be read: {exc.strerror or type(exc).__name__}"),))


def _parse(path: Path, content: bytes | ConfigurationError) -> Configuration:
    if isinstance(content, ConfigurationError):
        raise content
    try:
        return parse_configuration(content.decode())
    except UnicodeDecodeError:
        raise ConfigurationError((SpecError("", f"{path} is not UTF-8 text"),)) from None


def _same(one: bytes | ConfigurationError, other: bytes | ConfigurationError) -> bool:
    """Compare contents; two failures to read are the same when they say the same."""
    if isinstance(one, bytes) or isinstance(other, bytes):
        return one == other
    return str(one) == str(other)
