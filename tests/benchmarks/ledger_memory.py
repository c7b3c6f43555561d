"""How much memory a row of the ledger takes once it is full. `python -m` this: the measuring process itself."""

import argparse
import json
from typing import Final

from tests.benchmarks import fleet
from tests.benchmarks.figures import Figure, Measured
from tests.benchmarks.processes import resident_bytes, run_module

LEDGER_ROW: Final = Figure(
    name="ledger_row_bytes", what="Memory of one full row of the ledger (35 days)", unit="bytes", target=30_000
)
FIGURES: Final = (LEDGER_ROW,)
_BLOCK: Final = 500  # rows filled at a time, so that filling leaves no great hole behind


def measure(*, rows: int = 10_000) -> list[Measured]:
    """Grow the resident memory of a fresh process by `rows` full rows."""
    seen = run_module("tests.benchmarks.ledger_memory", rows=rows)
    setup = (
        f"growth of the resident memory of a process by {rows:,} full rows, divided by them, room for further rows"
        f" included; the arrays of one row hold {seen['array_bytes']:,} bytes"
    )
    return [LEDGER_ROW.measured(seen["grown_bytes"] / rows, setup)]


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, required=True)
    count = parser.parse_args().rows
    fleet.full_ledger(min(count, _BLOCK))  # what the first use of everything takes is not a row's
    before = resident_bytes()
    ledger = fleet.Ledger()
    rows = [ledger.add(fleet.SEALED) for _ in range(count)]
    for start in range(0, count, _BLOCK):
        fleet.fill(ledger, rows[start : start + _BLOCK])
    print(json.dumps({"grown_bytes": resident_bytes() - before, "array_bytes": ledger.bytes_per_row()}))


if __name__ == "__main__":
    _main()
