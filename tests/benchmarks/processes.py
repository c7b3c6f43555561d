"""Measurements of memory run in a process of their own, so that nothing else of the benchmark is in it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import psutil

REPOSITORY: Final = Path(__file__).parents[2]
_LONGEST_SECONDS: Final = 240.0


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    return psutil.Process().memory_info().rss


def run_module(module: str, **arguments: int) -> dict[str, Any]:
    """Run `python -m <module> --<name> <value> …` and return the JSON object on the last line it prints."""
    command = [sys.executable, "-m", module]
    for name, value in arguments.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    environment = os.environ | {"PYTHONPATH": f"{REPOSITORY / 'operator'}{os.pathsep}{REPOSITORY}"}
    done = subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=_LONGEST_SECONDS, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[1:])} ended with {done.returncode}:\n{done.stderr[-4000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
