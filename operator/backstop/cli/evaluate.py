"""`backstop evaluate`: the numbers of one moment, without a cluster."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click
import yaml

from backstop.cli.errors import CannotRun
from backstop.cli.files import files_option
from backstop.cli.source_options import as_options, source_of, source_options
from backstop.cli.times import Instant, InstantParam
from backstop.domain.errors import BackstopError

EXAMPLES = """\b
Examples:
  backstop evaluate -f slo.yaml --source http://localhost:9090
  backstop evaluate -f slos/ --source http://localhost:9090 --at 2026-03-01T10:00:00Z
  backstop evaluate -f slo.yaml --source http://localhost:9090 -o json | jq '.slos[].windows[0].remainingPercent'

\b
Times: now, -30d (before now), 2026-03-01T10:00:00Z, 2026-03-01 (its midnight in UTC).

With -o json or yaml: {"time", "slos": [{"slo", "target", "state", "windows", "burnRates", "conditions", …}]}, what the
operator would have written into the status of each.

No cluster is asked: spec.workload has no say, and spec.source none either, since every SLO is evaluated over --source.

Exit code: 0 evaluated, whatever the state, 1 some objects were refused or failed, the others are shown, 2 nothing can
be evaluated.
"""


@click.command("evaluate", epilog=EXAMPLES)
@files_option
@source_options
@click.option("--at", type=InstantParam(), default="now", show_default=True, help="The moment.")
@click.option("-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True)
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(names: tuple[str, ...], at: Instant, output: str, *, quiet: bool, **source: Any) -> None:
    """Evaluate SLOs at one moment over any Prometheus: budgets, burn rates, state, and why.

    It is the operator's own evaluation. Try an SLO before it is applied, or look at a moment of the past.
    """
    # Imported here, so that `backstop evaluate --help` does not wait for numpy and the HTTP libraries.
    from backstop.cli.replay_run import evaluate  # noqa: PLC0415
    from backstop.cli.slo_files import finish, read_slos  # noqa: PLC0415

    given = source_of(**source)
    files = read_slos(names)
    try:
        document, faults = asyncio.run(evaluate(files, given, at, quiet=quiet))
    except BackstopError as problem:
        raise CannotRun(as_options(str(problem))) from problem
    except KeyboardInterrupt:
        sys.exit(130)
    print_evaluation(document, output=output)
    finish(files, faults)


def print_evaluation(document: Mapping[str, Any], *, output: str) -> None:
    """Print what was found in the asked form."""
    match output:
        case "json":
            click.echo(json.dumps(document, indent=2, ensure_ascii=False))
        case "yaml":
            click.echo(yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True), nl=False)
        case _:
            click.echo(_table(document["slos"]))


def _table(slos: Sequence[Mapping[str, Any]]) -> str:
    from backstop.cli.replay_text import cells_of, columns_of  # noqa: PLC0415
    from backstop.cli.table import Cell, Column, render  # noqa: PLC0415

    columns = [Column("SLO", "slo"), Column("TARGET", "target", right=True), Column("WINDOW", "window")]
    columns += [column for column in columns_of(slos, burns=("5m", "1h", "6h", "3d")) if column.key not in _FIRST]
    columns.append(Column("MESSAGE", "message"))
    lines = [
        cells | {"target": Cell(f"{slo['target']:g}%"), "message": Cell(slo["message"])}
        for slo in slos
        for cells in cells_of(slo)
    ]
    return render(columns, lines)


_FIRST = frozenset({"slo", "window"})
