"""The SQLite file of the checkpoint: one record per SLO, the newest. Calls block.

A transaction is all or nothing through SQLite's rollback journal, which also undoes it when the process is killed in
the middle. The journal needs no shared memory, unlike a write-ahead log, so any file system will do. The file stays
locked while it is open: a second process must not mix its rows in. SQLite does not check what it reads back, so each
record has a checksum of its own.
"""

import json
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog

from backstop.adapters.store.encoding import decode, encode
from backstop.domain.errors import CheckpointUnavailable
from backstop.domain.slo import Uid
from backstop.ports.checkpoints import Checkpoint, Loaded

log = structlog.get_logger(__name__)

VERSION: Final = 1  # of the schema, in the file's user_version
FILE_NAME: Final = "ledger.sqlite"
SET_ASIDE: Final = ("damaged", "newer")  # why a file was; it is kept as ledger.<why>.sqlite, the last one only
BUSY_SECONDS: Final = 10.0  # how long to wait for another process to let go of the file
SHARE_OF_VOLUME: Final = 0.45  # two files must fit, one of them set aside, and a journal

_TABLE: Final = (
    "CREATE TABLE checkpoint (uid TEXT NOT NULL PRIMARY KEY, fingerprint TEXT NOT NULL, saved_at REAL NOT NULL, "
    "facts TEXT NOT NULL, ledger_rows BLOB NOT NULL, checksum INTEGER NOT NULL)"
)
_SAVE: Final = (  # in its old place, so that a full file still takes what is newer of what it has
    "INSERT INTO checkpoint VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (uid) DO UPDATE SET "
    "fingerprint = excluded.fingerprint, saved_at = excluded.saved_at, facts = excluded.facts, "
    "ledger_rows = excluded.ledger_rows, checksum = excluded.checksum"
)
_LOAD: Final = "SELECT uid, fingerprint, saved_at, facts, ledger_rows, checksum FROM checkpoint WHERE uid = ?"
_AGES: Final = "SELECT rowid, uid, coalesce(CAST(saved_at AS REAL), 0) FROM checkpoint"  # a number, even if damaged

Result = TypeVar("Result")


class CheckpointFile:
    """Opens the file when it is first used, and again after a failure. For one thread at a time."""

    def __init__(self, folder: Path, *, volume_bytes: int, on_set_aside: Callable[[str], None]) -> None:
        """`on_set_aside` is told "damaged" or "newer" when a file was found that cannot be used."""
        self.path = folder / FILE_NAME
        self._max_bytes = int(volume_bytes * SHARE_OF_VOLUME)
        self._on_set_aside = on_set_aside
        self._connection: sqlite3.Connection | None = None
        self._checked = False

    def load(self, wanted: Mapping[Uid, str]) -> Loaded:
        return self._do(lambda connection: _load(connection, wanted))

    def save(self, checkpoints: Sequence[Checkpoint], *, at: float) -> int:
        records = [_record(checkpoint, at) for checkpoint in checkpoints]

        def write(connection: sqlite3.Connection) -> None:
            with _transaction(connection):
                connection.executemany(_SAVE, records)

        self._do(write)
        return self.path.stat().st_size

    def prune(self, existing: frozenset[Uid], *, gone_before: float, unsaved_before: float) -> int:
        def delete(connection: sqlite3.Connection) -> int:
            with _transaction(connection):
                forgotten = [
                    (rowid,)
                    for rowid, uid, saved_at in connection.execute(_AGES)
                    if saved_at < (unsaved_before if uid in existing else max(gone_before, unsaved_before))
                ]
                connection.executemany("DELETE FROM checkpoint WHERE rowid = ?", forgotten)
            return len(forgotten)

        return self._do(delete)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _do(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Work on the open file; a damaged one is set aside first. Raises CheckpointUnavailable."""
        try:
            try:
                return work(self._open())
            except sqlite3.DatabaseError as problem:
                self.close()  # rolls back what was begun
                if not _means_damage(problem):
                    raise
                self._set_aside("damaged", str(problem))
                return work(self._open())
        except (sqlite3.DatabaseError, OSError) as problem:
            self.close()
            raise CheckpointUnavailable(self._explain(problem)) from problem

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        connection = self._connect()
        version = _version(connection, check=not self._checked)
        if version > VERSION:
            self.close()
            self._set_aside("newer", f"its schema is {version}, this version of Backstop knows {VERSION}")
            connection = self._connect()
            _version(connection, check=False)
        self._checked = True
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._connection = connection
        # A damaged text is found by its checksum, not by an exception of the decoder.
        connection.text_factory = lambda data: data.decode(errors="replace")
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA synchronous = FULL")  # the default may be compiled in otherwise
        (page_size,) = connection.execute("PRAGMA page_size").fetchone()
        connection.execute(f"PRAGMA max_page_count = {max(self._max_bytes // page_size, 1)}")
        return connection

    def _set_aside(self, why: str, problem: str) -> None:
        for other in SET_ASIDE:
            self.path.with_suffix(f".{other}.sqlite").unlink(missing_ok=True)
        aside = self.path.with_suffix(f".{why}.sqlite")
        self.path.replace(aside)
        # A journal belongs to its file alone. SQLite ignores one without a file, so a crash right here is harmless.
        self.path.with_name(f"{FILE_NAME}-journal").unlink(missing_ok=True)
        log.error("checkpoint.set_aside", file=str(self.path), kept_as=str(aside), why=why, problem=problem)
        self._on_set_aside(why)

    def _explain(self, problem: Exception) -> str:
        """Return what is wrong with the fix."""
        match _primary_code(problem):
            case sqlite3.SQLITE_FULL:
                fix = f"the disk is full, or {self._max_bytes / 2**20:.0f} MiB are not enough; raise checkpoint.size"
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                fix = "another process holds it; give each replica a folder of its own"
            case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN | None:
                fix = f"mount a writable volume at {self.path.parent}"
            case _:
                fix = "look at the volume"
        return f"{self.path}: {problem}: {fix}"


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing: an exception closes the connection, and that rolls back."""
    connection.execute("BEGIN EXCLUSIVE")
    yield
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, *, check: bool) -> int:
    """Return the schema version of a file, after making the table in an empty one. Takes the lock, which then stays."""
    with _transaction(connection):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        schema = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table'").fetchall()
        if version == 0 and not schema:
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA user_version = {VERSION}")
            version = VERSION
        elif version <= VERSION and schema != [(_TABLE,)]:
            raise _damaged(f"schema {version} does not have the table of schema {VERSION}")
        elif version <= VERSION and check:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if said != "ok":
                raise _damaged(said)
    return int(version)


def _load(connection: sqlite3.Connection, wanted: Mapping[Uid, str]) -> Loaded:
    found: dict[Uid, Checkpoint] = {}
    changed = damaged = 0
    for asked, fingerprint in wanted.items():
        for record in connection.execute(_LOAD, (asked,)):
            try:
                checkpoint = _checkpoint(record)
            except ValueError as problem:
                log.warning("checkpoint.damaged", uid=asked, problem=str(problem))
                damaged += 1
                continue
            if checkpoint.fingerprint == fingerprint:
                found[asked] = checkpoint
            else:
                changed += 1
    return Loaded(checkpoints=found, changed=changed, damaged=damaged)


def _record(checkpoint: Checkpoint, at: float) -> tuple[object, ...]:
    columns = (checkpoint.uid, checkpoint.fingerprint, at, json.dumps(dict(checkpoint.facts)), encode(checkpoint.rows))
    return *columns, _checksum(columns)


def _checkpoint(record: tuple[Any, ...]) -> Checkpoint:
    """Return what `_record` was given. Raises ValueError when it is not that any more."""
    *columns, checksum = record
    if checksum != _checksum(columns):
        raise ValueError("the checksum does not match")
    uid, fingerprint, _, facts, rows = columns
    return Checkpoint(uid=Uid(uid), fingerprint=fingerprint, rows=decode(rows), facts=json.loads(facts))


def _checksum(columns: Iterable[object]) -> int:
    value = 0
    for column in columns:
        data = column if isinstance(column, bytes) else repr(column).encode()
        value = zlib.crc32(len(data).to_bytes(8, "little") + data, value)
    return value


def _damaged(problem: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(problem)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _primary_code(problem: Exception) -> int | None:
    """Return SQLite's error code, of which the upper bits only tell the detail; None for others' errors."""
    code = getattr(problem, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _means_damage(problem: sqlite3.DatabaseError) -> bool:
    return _primary_code(problem) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
