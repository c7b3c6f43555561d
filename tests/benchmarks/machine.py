"""The machine that was measured on, in one line, and how busy it is with other things."""

import os
import platform
from pathlib import Path

import numpy as np
import psutil


def describe() -> str:
    """Return processor, cores, memory and versions; nothing that names the host."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{cores} cores of {_processor()}, {memory:.0f} GiB, {platform.system()} {platform.machine()},"
        f" Python {platform.python_version()}, numpy {np.__version__}"
    )


def load() -> str:
    """Return how many processes wanted a core over the last minute: others than this one make timings noisy."""
    return f"load {os.getloadavg()[0]:.1f}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "an unnamed processor"
