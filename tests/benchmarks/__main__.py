"""`make bench`: measure what Backstop promises."""

import argparse
import importlib.metadata
import logging
import sys
from pathlib import Path
from typing import Final

import pytest
import structlog

from tests.benchmarks import machine, report
from tests.benchmarks.figures import Measured
from tests.benchmarks.registry import BENCHMARKS, Benchmark, UnknownName, chosen
from tests.cluster.progress import Progress

REPOSITORY: Final = Path(__file__).parents[2]
JSON: Final = "bench.json"
PAGE: Final = "docs/reference/benchmarks.md"

_EPILOG: Final = """\
examples:
  make bench                                    measure everything, about five minutes
  make bench ONLY=ledger_eval_ms                measure one figure, and those that the same run yields
  python -m tests.benchmarks --list             the names
  python -m tests.benchmarks --write-docs       also write docs/reference/benchmarks.md
"""


def main(arguments: list[str] | None = None, *, root: Path = REPOSITORY) -> int:
    """Measure, print the table on stdout and write bench.json; progress goes to stderr.

    A missed target is a result and no failure: the exit code is 0 whenever everything could be measured. What could
    not be is named, and left out of the results; then the exit code is 1.
    """
    options = _parser().parse_args(arguments)
    if options.list:
        print("\n".join(f"{figure.name:22} {figure.what}" for each in BENCHMARKS for figure in each.figures))
        return 0
    try:
        benchmarks = chosen(options.only)
    except UnknownName as problem:
        print(f"Error: {problem}", file=sys.stderr)
        return 2
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    results, problems = _measure(benchmarks)
    described = machine.describe()
    print(report.as_table(results))
    print(f"\nMeasured on {described}. How: {JSON}")
    (root / JSON).write_text(report.as_json(results, described), encoding="utf-8")
    for problem in problems:
        print(f"Error: {problem}", file=sys.stderr)
    if options.write_docs and not problems:
        page = report.as_page(results, described, importlib.metadata.version("backstop"))
        (root / PAGE).parent.mkdir(parents=True, exist_ok=True)
        (root / PAGE).write_text(page, encoding="utf-8")
    return 1 if problems else 0


def _measure(benchmarks: tuple[Benchmark, ...]) -> tuple[list[Measured], list[str]]:
    """Return what was measured, and why the rest was not."""
    progress = Progress()
    results: list[Measured] = []
    problems = []
    for benchmark in benchmarks:
        names = ", ".join(benchmark.names)
        try:
            with progress.step(names) as step:
                step.note(machine.load())
                results += benchmark.measure()
        except (Exception, pytest.fail.Exception) as problem:  # noqa: BLE001  told below; the others still count
            problems.append(f"{names} could not be measured: {type(problem).__name__}: {problem}")
    return results, problems


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=f"{__doc__} Prints a table and writes {JSON} with what this run measured.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--only", metavar="NAME", help="measure this figure only")
    only.add_argument("--write-docs", action="store_true", help=f"write {PAGE} too; needs all figures")
    only.add_argument("--list", action="store_true", help="show the names and measure nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
