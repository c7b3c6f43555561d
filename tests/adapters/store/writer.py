"""A process that saves checkpoints until it is killed: `python -m tests.adapters.store.writer FOLDER SLOS`.

All numbers of generation n are n, in each row of each SLO. A generation is saved in several transactions, and told on
stdout when the last of them is over.
"""

import sys
from itertools import count
from pathlib import Path

import numpy as np

from backstop.adapters.store.file import CheckpointFile
from backstop.domain.ledger import Mark, RowState
from backstop.domain.ring import TierState
from backstop.ports.checkpoints import Checkpoint

AT_ONCE = 10  # SLOs in one transaction


def generation(uid: str, number: int) -> Checkpoint:
    """Return what is saved of an SLO: of another size each time, so that records move within the file."""
    columns = 100 + number * 37 % 900
    noise = np.random.default_rng(number).integers(0, 2**62, columns)  # so that it cannot be compressed
    tier = TierState(
        60,
        0,
        60 * (columns - 1),
        noise + float(number),
        np.full(columns, float(number)),
        np.full(columns, number, "i4"),
    )
    rows = {f"{name}": RowState((tier,), (Mark(*[float(number)] * 4),)) for name in range(1 + number % 3)}
    return Checkpoint(uid=uid, fingerprint="what", rows=rows, facts={"number": number})


def main(folder: str, slos: str) -> None:
    file = CheckpointFile(Path(folder), volume_bytes=2**26, on_set_aside=lambda why: sys.exit(f"set aside: {why}"))
    uids = [f"slo-{number}" for number in range(int(slos))]
    saved = file.load(dict.fromkeys(uids, "what")).checkpoints
    first = max((checkpoint.facts["number"] for checkpoint in saved.values()), default=0) + 1
    for number in count(first):
        for start in range(0, len(uids), AT_ONCE):
            file.save([generation(uid, number) for uid in uids[start : start + AT_ONCE]], at=float(number))
        print(number, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
