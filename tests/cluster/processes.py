"""The cluster's own processes: started in their own session, known by pid and start time, stopped for certain.

A pid alone may belong to someone else by the time we look. The kernel's start time, in clock ticks since boot, makes it
unique; a record whose start time differs is of a process that is gone, and is never signalled.
"""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.cluster.paths import Runtime
from tests.cluster.waiting import WaitTimeout, wait_until

START_TIME_FIELD = 19  # of what follows the command's closing parenthesis in /proc/PID/stat: field 22, see proc(5)
STATE_FIELD = 0


@dataclass(frozen=True, slots=True)
class Record:
    """A process that we started: its component, pid, and start time in ticks since boot."""

    component: str
    pid: int
    start_ticks: int

    def alive(self, proc: Path = Path("/proc")) -> bool:
        return start_ticks(self.pid, proc) == self.start_ticks


def start_ticks(pid: int, proc: Path = Path("/proc")) -> int | None:
    """Return a process's start time in ticks since boot; None when it is gone or a zombie."""
    try:
        stat = (proc / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[STATE_FIELD] in {"Z", "X"} else int(fields[START_TIME_FIELD])


class ProcessTable:
    """The records of all components, one file each, in the runtime folder of this machine."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory or Runtime().processes

    def records(self) -> list[Record]:
        """Return what was recorded, dead or alive."""
        if not self._directory.is_dir():
            return []
        return [Record(**json.loads(file.read_text())) for file in sorted(self._directory.glob("*.json"))]

    def alive(self) -> dict[str, Record]:
        return {record.component: record for record in self.records() if record.alive()}

    def start(self, component: str, argv: Sequence[str], *, log: Path, env: Mapping[str, str]) -> Record:
        """Start a component detached from this terminal, its output appended to `log`."""
        self._directory.mkdir(parents=True, exist_ok=True)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, start_new_session=True, cwd="/"
            )
        ticks = start_ticks(process.pid)
        record = Record(component, process.pid, ticks if ticks is not None else -1)  # -1: it died at once
        self._file(component).write_text(json.dumps(asdict(record)))
        # The component outlives us on purpose; without this, Python warns about a child that still runs.
        process.returncode = 0
        return record

    def stop(self, component: str, timeout: float) -> bool:
        """End a component: politely, after `timeout` seconds by force. Return whether it ran."""
        record = self.alive().get(component)
        if record is not None:
            terminate(record, timeout)
        self._file(component).unlink(missing_ok=True)
        return record is not None

    def _file(self, component: str) -> Path:
        return self._directory / f"{component}.json"


def terminate(record: Record, timeout: float) -> None:
    """Send TERM, wait, then KILL. Returns when the process is gone."""
    _signal(record, signal.SIGTERM)
    try:
        wait_until(lambda: _gone(record), timeout, describe=f"{record.component} to end", interval=0.05)
    except WaitTimeout:
        _signal(record, signal.SIGKILL)
        wait_until(lambda: _gone(record), timeout, describe=f"{record.component} to die", interval=0.05)


def _gone(record: Record) -> bool:
    _reap(record.pid)
    return not record.alive()


def _signal(record: Record, number: signal.Signals) -> None:
    if not record.alive():
        return
    try:
        os.kill(record.pid, number)
    except ProcessLookupError:
        return  # it ended between the look and the signal


def _reap(pid: int) -> None:
    """Collect the exit status where the process is our own child; other processes' children are theirs to collect."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
