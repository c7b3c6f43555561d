"""Writes histories in the two forms that become blocks of a Prometheus, and makes the blocks.

`promtool tsdb create-blocks-from openmetrics` reads text, which holds neither native histograms nor staleness markers;
what has those goes through a small program on the TSDB library of Prometheus (tests/cluster/build/history-writer).
"""

import json
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Final

import numpy as np
import pytest

from tests.cluster.binaries import BinaryStore
from tests.cluster.catalogue import history_writer
from tests.cluster.errors import ClusterError
from tests.cluster.progress import Progress
from tests.history.series import NAME, Series
from tests.prometheus_server import prometheus_binary

BLOCK_DURATION: Final = "1458h"  # the longest that promtool makes: it reads the whole text again for each block


def write_openmetrics(series: Iterable[Series], file: IO[str]) -> None:
    """Write series of floats. Raises ValueError for what the format cannot hold."""
    for one in series:
        if one.buckets or one.ends:
            raise ValueError(f"{one.labels} has what OpenMetrics text cannot hold")
        inside = ",".join(f'{name}="{_escaped(text)}"' for name, text in one.labels.items() if name != NAME)
        head = f"{one.labels[NAME]}{{{inside}}} "
        pairs = zip(one.values.tolist(), one.times.tolist(), strict=True)
        file.writelines(f"{head}{value!r} {at / 1000:.3f}\n" for value, at in pairs)
    file.write("# EOF\n")


def write_stream(series: Iterable[Series], file: IO[bytes]) -> None:
    """Write any series in the form that history-writer reads."""
    for one in series:
        about = {"labels": dict(one.labels), "samples": len(one.times), "schema": one.schema, "buckets": one.buckets}
        file.write(json.dumps(about).encode() + b"\n")
        numbers: list[np.ndarray] = [one.times.astype("<i8"), one.stored_values().astype("<f8")]  # type: ignore[type-arg]
        if one.buckets:
            numbers.append(one.counts.astype("<i8"))
        for array in numbers:
            file.write(array.tobytes())


def make_blocks(series: Sequence[Series], data: Path) -> None:
    """Store series as blocks in the data folder of a Prometheus that does not run."""
    data.mkdir(parents=True, exist_ok=True)
    needs_writer = [one for one in series if one.buckets or one.ends]
    text = [one for one in series if not (one.buckets or one.ends)]
    if text:
        file = data / "history.om"
        with file.open("w", encoding="utf-8") as opened:
            write_openmetrics(text, opened)
        _run([prometheus_binary("promtool"), "tsdb", "create-blocks-from", "openmetrics",
              f"--max-block-duration={BLOCK_DURATION}", file, data])  # fmt: skip
        file.unlink()
    if needs_writer:
        with subprocess.Popen([_writer(), data], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdin is not None
            assert process.stderr is not None
            write_stream(needs_writer, process.stdin)
            process.stdin.close()
            complaint = process.stderr.read().decode()
            if process.wait() != 0:
                pytest.fail(f"history-writer: {complaint}")


def _writer() -> Path:
    try:
        return BinaryStore().ensure(history_writer(), Progress()) / "history-writer"
    except ClusterError as exc:
        pytest.fail(f"no history-writer to test with: {exc.report()}")


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.fail(f"{Path(command[0]).name} failed: {done.stderr[-2000:]}")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
