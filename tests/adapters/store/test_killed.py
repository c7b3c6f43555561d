"""A process that is killed while it writes leaves a file in which every SLO is whole, and at most one save old."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backstop.adapters.store import file as module
from backstop.adapters.store.file import FILE_NAME
from backstop.domain.errors import CheckpointUnavailable
from tests.adapters.store.writer import AT_ONCE, generation
from tests.checkpoints import a_checkpoint, same
from tests.cluster.paths import REPOSITORY

SLOS = 3 * AT_ONCE
ASK = {f"slo-{number}": "what" for number in range(SLOS)}


@contextmanager
def writing(folder: Path) -> Iterator[subprocess.Popen]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.adapters.store.writer", folder, f"{SLOS}"],
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": f"{REPOSITORY / 'operator'}:{REPOSITORY}"},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def write_and_kill(folder: Path, moment: Callable[[], bool]) -> int:
    """Run the writer, kill it when the moment has come, and return the last generation that it told of."""
    with writing(folder) as process:
        told = [int(process.stdout.readline()) for _ in range(2)]
        while not moment():
            assert process.poll() is None
        process.kill()
        told += [int(line) for line in process.stdout.read().splitlines() if line]
    assert process.returncode == -signal.SIGKILL
    return told[-1]


def is_hot(journal: Path) -> bool:
    """True while a transaction is being written: its journal begins with a header, not with zeros."""
    with journal.open("rb") as file:
        return file.read(8).strip(b"\0") != b""


@pytest.mark.slow
def test_killed_at_any_moment_every_slo_is_whole_and_none_falls_back(tmp_path: Path, opened):
    journal = tmp_path / f"{FILE_NAME}-journal"
    moments = random.Random(4)
    rolled_back = last = 0
    for run in range(20):
        until = time.monotonic() + moments.uniform(0.5, 0.6)
        moment = (lambda: is_hot(journal)) if run % 2 else (lambda: time.monotonic() > until)  # noqa: B023  used at once
        told = write_and_kill(tmp_path, moment)
        assert told > last
        rolled_back += is_hot(journal)
        one = opened(tmp_path)
        loaded = one.file.load(ASK)
        one.file.close()
        assert (len(loaded.checkpoints), loaded.damaged, one.set_aside) == (SLOS, 0, [])
        numbers = [loaded.checkpoints[uid].facts["number"] for uid in ASK]
        for start in range(0, SLOS, AT_ONCE):
            # Of each transaction either the last that it told of, or the one that it was at, and that as a whole.
            assert set(numbers[start : start + AT_ONCE]) in ({told}, {told + 1})
        assert all(same(loaded.checkpoints[uid], generation(uid, n)) for uid, n in zip(ASK, numbers, strict=True))
        last = max(numbers)
    assert rolled_back > 3  # it was killed in the middle of transactions, not only between them


def test_a_file_held_by_another_process_is_free_when_that_is_killed(tmp_path: Path, opened, monkeypatch):
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.05)
    one = opened(tmp_path)
    with writing(tmp_path) as process:
        process.stdout.readline()
        with pytest.raises(CheckpointUnavailable, match="another process holds it"):
            one.file.load(ASK)
    one.file.save([a_checkpoint("x")], at=1.0)
    assert len(one.file.load(ASK).checkpoints) == SLOS
    assert one.set_aside == []
