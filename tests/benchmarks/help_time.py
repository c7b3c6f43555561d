"""How long `backstop --help` takes to answer: the first thing that a new user feels."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from tests.benchmarks.figures import Figure, Measured
from tests.benchmarks.timing import repeat

HELP: Final = Figure(name="help_ms", what="`backstop --help`", unit="ms", target=300)
FIGURES: Final = (HELP,)


def measure(*, runs: int = 15) -> list[Measured]:
    """Run the console script of this environment `runs` times after one that is not counted."""
    script = str(Path(sys.executable).with_name("backstop"))

    def show_help() -> None:
        subprocess.run([script, "--help"], check=True, capture_output=True)

    cpu_before = _cpu_of_children()
    timing = repeat(show_help, runs, clock=time.perf_counter)
    cpu = (_cpu_of_children() - cpu_before) / (runs + 1)
    setup = f"from start to end of the process, files in the page cache, {cpu * 1e3:.0f} ms of it CPU;"
    return [HELP.measured(timing.median * 1e3, f"{setup} {timing.spread(1e3)}")]


def _cpu_of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system
