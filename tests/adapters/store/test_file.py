"""What can happen to a file: damage, another version, another process, no room, no right."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from backstop.adapters.store import file as module
from backstop.adapters.store.file import FILE_NAME, VERSION
from backstop.domain.errors import CheckpointUnavailable
from tests.adapters.store.writer import generation
from tests.checkpoints import a_checkpoint, same

UIDS = [f"slo-{number}" for number in range(12)]
ASK = dict.fromkeys(UIDS, "what")


@pytest.fixture
def written(tmp_path: Path, opened) -> Path:
    """Return a closed file with some SLOs."""
    one = opened(tmp_path)
    one.file.save([generation(uid, 7) for uid in UIDS], at=7.0)
    one.file.close()
    return tmp_path / FILE_NAME


def usable(one) -> None:
    """Show that a file takes and gives checkpoints."""
    fresh = a_checkpoint("fresh")
    one.file.save([fresh], at=1.0)
    assert same(one.file.load({"fresh": "what"}).checkpoints["fresh"], fresh)


def test_what_was_saved_is_there_when_the_file_is_opened_again(written: Path, opened):
    loaded = opened(written.parent).file.load(ASK)
    assert all(same(loaded.checkpoints[uid], generation(uid, 7)) for uid in UIDS)
    assert sorted(path.name for path in written.parent.iterdir() if "journal" not in path.name) == [FILE_NAME]


@pytest.mark.parametrize("part", range(24))
def test_a_truncated_file_is_set_aside_and_a_new_one_begun(written: Path, opened, part: int):
    whole = written.read_bytes()
    length = len(whole) * part // 24 // 4096 * 4096  # on the border of a page nothing within a page tells of it
    written.write_bytes(whole[:length])
    one = opened(written.parent)
    with capture_logs() as said:
        assert not one.file.load(ASK).checkpoints
    usable(one)
    if length:  # an empty file is how every file begins
        assert one.set_aside == ["damaged"]
        assert written.with_suffix(".damaged.sqlite").read_bytes() == whole[:length]
        assert [entry["event"] for entry in said] == ["checkpoint.set_aside"]


@pytest.mark.parametrize("part", range(1, 50))
def test_of_a_file_truncated_at_any_byte_no_wrong_number_is_returned(written: Path, opened, part: int):
    whole = written.read_bytes()
    written.write_bytes(whole[: len(whole) * part // 50 + part])
    one = opened(written.parent)
    loaded = one.file.load(ASK)
    assert one.set_aside == ["damaged"] or loaded.damaged
    assert all(same(checkpoint, generation(uid, 7)) for uid, checkpoint in loaded.checkpoints.items())
    usable(one)


@pytest.mark.parametrize("seed", range(60))
def test_whatever_bytes_are_damaged_no_wrong_number_is_returned(written: Path, opened, seed: int):
    data = bytearray(written.read_bytes())
    start = (seed * 7919) % len(data) if seed else 0
    for index in range(start, min(start + 1 + seed % 40, len(data))):
        data[index] ^= 0x55
    written.write_bytes(data)
    one = opened(written.parent)
    loaded = one.file.load(ASK)
    assert all(same(checkpoint, generation(uid, 7)) for uid, checkpoint in loaded.checkpoints.items())
    assert one.set_aside or len(loaded.checkpoints) + loaded.damaged >= len(UIDS) - 1
    one.file.prune(frozenset(UIDS), gone_before=0.0, unsaved_before=0.0)
    one.file.save([generation(uid, 8) for uid in UIDS], at=8.0)
    again = one.file.load(ASK)
    assert all(same(again.checkpoints[uid], generation(uid, 8)) for uid in UIDS)


@pytest.mark.parametrize("size", [15, 16, 100, 4096, 100_000])
def test_a_file_of_something_else_is_set_aside(tmp_path: Path, opened, size: int):
    (tmp_path / FILE_NAME).write_bytes(b"# not a database\n" * 6000)
    with (tmp_path / FILE_NAME).open("r+b") as file:
        file.truncate(size)
    one = opened(tmp_path)
    usable(one)
    assert one.set_aside == ["damaged"]


def test_a_database_of_somebody_else_is_set_aside(tmp_path: Path, opened):
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as other:
        other.execute("CREATE TABLE theirs (number INTEGER)")
    one = opened(tmp_path)
    usable(one)
    assert one.set_aside == ["damaged"]


def test_a_file_of_a_newer_schema_is_kept_beside_and_a_new_one_begun(written: Path, opened):
    with closing(sqlite3.connect(written)) as newer:
        newer.execute(f"PRAGMA user_version = {VERSION + 1}")
        newer.execute("ALTER TABLE checkpoint ADD COLUMN novelty TEXT")
    whole = written.read_bytes()
    one = opened(written.parent)
    with capture_logs() as said:
        assert not one.file.load(ASK).checkpoints
    usable(one)
    assert one.set_aside == ["newer"]
    assert written.with_suffix(".newer.sqlite").read_bytes() == whole
    assert f"its schema is {VERSION + 1}" in said[0]["problem"]


def test_only_the_last_file_set_aside_is_kept(tmp_path: Path, opened):
    for number in range(3):
        (tmp_path / FILE_NAME).write_bytes(b"broken" * (number + 1))
        usable(one := opened(tmp_path))
        one.file.close()
    (aside,) = tmp_path.glob("ledger.*.sqlite")
    assert aside.read_bytes() == b"broken" * 3


def test_a_file_damaged_while_it_is_open_is_set_aside_at_the_next_call_that_meets_it(written: Path, opened):
    one = opened(written.parent)
    assert len(one.file.load(ASK).checkpoints) == len(UIDS)
    with written.open("r+b") as file:
        file.write(b"\xff" * written.stat().st_size)
    one.file.close()  # what is cached would hide it
    one.file.save([generation(uid, 9) for uid in UIDS], at=9.0)
    assert one.set_aside == ["damaged"]
    assert len(one.file.load(ASK).checkpoints) == len(UIDS)


def test_a_record_whose_bytes_changed_is_left_out_and_the_others_are_not(written: Path, opened):
    with closing(sqlite3.connect(written, isolation_level=None)) as damaging:
        damaging.execute("UPDATE checkpoint SET facts = replace(facts, '7', '8') WHERE uid = 'slo-3'")
    loaded = opened(written.parent).file.load(ASK)
    assert loaded.checkpoints.keys() == ASK.keys() - {"slo-3"}
    assert loaded.damaged == 1


def test_a_second_process_is_told_that_the_first_one_holds_the_file(written: Path, opened, monkeypatch):
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.05)
    first, second = opened(written.parent), opened(written.parent)
    first.file.load(ASK)
    for call in (lambda: second.file.load(ASK), lambda: second.file.save([a_checkpoint("x")], at=1.0)):
        with pytest.raises(CheckpointUnavailable, match="another process holds it; give each replica a folder"):
            call()
    usable(first)
    first.file.close()
    assert len(second.file.load(ASK).checkpoints) == len(UIDS)


def test_without_room_it_says_so_keeps_what_it_has_and_goes_on_when_there_is_room(tmp_path: Path, opened):
    small = opened(tmp_path, volume_bytes=2**18)
    saved: list[str] = []

    def save_more() -> None:
        for number in range(10_000):
            small.file.save([a_checkpoint(f"{number}", minutes=300)], at=1.0)
            saved.append(f"{number}")

    with pytest.raises(CheckpointUnavailable, match=r"raise checkpoint\.size"):
        save_more()
    assert (tmp_path / FILE_NAME).stat().st_size < 2**17
    assert small.file.load(dict.fromkeys(saved, "what")).checkpoints.keys() == set(saved)
    small.file.save([a_checkpoint(saved[0], minutes=300)], at=2.0)  # what has its place keeps it
    small.file.close()
    large = opened(tmp_path)
    large.file.save([a_checkpoint(f"{number}", minutes=300) for number in range(len(saved) * 2)], at=3.0)
    assert not small.set_aside + large.set_aside


def test_a_folder_that_is_missing_or_a_file_is_named_with_the_fix(tmp_path: Path, opened):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "absent", tmp_path / "file"):
        with pytest.raises(CheckpointUnavailable, match=f"mount a writable volume at {folder}"):
            opened(folder).file.save([a_checkpoint("x")], at=1.0)


READ_ONLY = """
import os, sys
from pathlib import Path
from backstop.adapters.store.file import CheckpointFile
from backstop.domain.errors import CheckpointUnavailable
from tests.checkpoints import a_checkpoint

file = CheckpointFile(Path(sys.argv[1]), volume_bytes=2**26, on_set_aside=print)
if os.geteuid() == 0:
    os.setuid(65534)  # root may write anywhere
try:
    file.save([a_checkpoint("x")], at=1.0)
except CheckpointUnavailable as problem:
    print(problem)
"""


@pytest.mark.parametrize("there", ["with a file", "empty"])
def test_a_folder_that_may_not_be_written_is_named_with_the_fix(written: Path, there: str):
    folder = written.parent
    if there == "empty":
        written.unlink()
    for path in (folder, *folder.parents):
        if path.owner() == folder.owner() and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o555)
    folder.chmod(0o555)
    for path in folder.iterdir():
        path.chmod(0o444)
    try:
        said = subprocess.run(
            [sys.executable, "-c", READ_ONLY, folder], capture_output=True, text=True, check=True, timeout=60
        ).stdout
    finally:
        folder.chmod(0o755)
    assert f"mount a writable volume at {folder}" in said
