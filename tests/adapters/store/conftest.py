from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backstop.adapters.store.file import CheckpointFile

VOLUME = 2**26


class Opened:
    """A checkpoint file that remembers what was set aside."""

    def __init__(self, folder: Path, *, volume_bytes: int = VOLUME) -> None:
        self.set_aside: list[str] = []
        self.file = CheckpointFile(folder, volume_bytes=volume_bytes, on_set_aside=self.set_aside.append)


@pytest.fixture
def opened() -> Iterator[Callable[..., Opened]]:
    """Opens checkpoint files, and closes them in the end."""
    all_opened: list[Opened] = []

    def open_file(folder: Path, **settings: int) -> Opened:
        all_opened.append(Opened(folder, **settings))
        return all_opened[-1]

    yield open_file
    for one in all_opened:
        one.file.close()
