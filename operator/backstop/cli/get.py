"""`backstop get`: the SLOs of a cluster as a table, JSON or YAML."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import yaml

from backstop.bootstrap.client import Scope, list_slos
from backstop.cli.parts import part_rows
from backstop.cli.printable import printable
from backstop.cli.table import COLOURS, Cell, Column, number, render
from backstop.cli.times import age
from backstop.domain.errors import BackstopError
from backstop.vocabulary import State

WATCH_SECONDS = 2.0  # the operator writes numbers more rarely

EXAMPLES = """\b
Examples:
  backstop get                       SLOs of the current namespace
  backstop get -A -o wide            all SLOs, with source, coverage and messages
  backstop get checkout -n shop -o yaml
  backstop get checkout --parts      its groups, or the SLOs that a composite is made of
  backstop get -A -w                 refresh every two seconds until interrupted

Exit code: 0 listed, 1 a named SLO does not exist, 2 the cluster cannot be asked.
"""


@click.command("get", epilog=EXAMPLES)
@click.argument("names", nargs=-1)
@click.option("-n", "--namespace", help="Namespace; default: that of the context.")
@click.option("-A", "--all-namespaces", is_flag=True, help="SLOs of all namespaces.")
@click.option("-o", "--output", type=click.Choice(["table", "wide", "json", "yaml"]), default="table")
@click.option(
    "--parts", is_flag=True, help="Below each SLO its groups, the worst first, or the components of a composite."
)
@click.option("-w", "--watch", is_flag=True, help="Show again every two seconds.")
@click.option(
    "--kubeconfig", type=click.Path(path_type=Path), help="A kubeconfig; default: $KUBECONFIG, ~/.kube/config."
)
@click.option("--context", help="Context in the kubeconfig.")
def command(names: tuple[str, ...], output: str, *, parts: bool, watch: bool, **scope: Any) -> None:
    """Show SLOs: SLI, burn rate, error budget, state."""
    try:
        slos = asyncio.run(_show(names, Scope(**scope), output=output, parts=parts, watch=watch))
    except BackstopError as problem:
        click.echo(f"Error: {printable(str(problem))}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    missing = sorted(set(names) - {slo["metadata"]["name"] for slo in slos})
    if missing:
        click.echo(f"Error: no SLO named {', '.join(missing)} here; try -A for all namespaces", err=True)
        sys.exit(1)


async def _show(
    names: Sequence[str], scope: Scope, *, output: str, parts: bool, watch: bool
) -> list[Mapping[str, Any]]:
    """Print once, or until interrupted; return what was shown last."""
    while True:
        listed = await list_slos(scope)
        slos = [slo for slo in listed if not names or slo["metadata"]["name"] in names]
        if watch and sys.stdout.isatty():
            click.clear()
        print_slos(slos, output=output, namespaces=scope.all_namespaces, components=listed if parts else None)
        if not watch:
            return slos
        await asyncio.sleep(WATCH_SECONDS)


def print_slos(
    slos: Sequence[Mapping[str, Any]],
    *,
    output: str,
    namespaces: bool,
    components: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Print SLOs in the asked form; with `components`, which may be parts of them, in a table also their parts."""
    if output == "json":
        click.echo(json.dumps({"apiVersion": "v1", "kind": "List", "items": list(slos)}, indent=2))
    elif output == "yaml":
        click.echo(yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": list(slos)}, sort_keys=False), nl=False)
    elif not slos:
        click.echo("No SLOs found.", err=True)
    else:
        shown = [part for slo in slos for part in (row(slo), *_parts(slo, components))]
        click.echo(render(columns(wide=output == "wide", namespaces=namespaces), shown))


def _parts(slo: Mapping[str, Any], components: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Cell]]:
    return [] if components is None else part_rows(slo, components, row)


def columns(*, wide: bool, namespaces: bool) -> list[Column]:
    """Return the columns of the table."""
    shown = [Column("NAMESPACE", "namespace")] if namespaces else []
    shown += [
        Column("NAME", "name"),
        Column("OBJECTIVE", "objective", right=True),
        Column("WINDOW", "window"),
        Column("SLI", "sli", right=True),
        Column("BURN 5M", "burn_5m", right=True),
        Column("BURN 1H", "burn_1h", right=True),
        Column("REMAINING", "remaining", right=True),
        Column("STATE", "state"),
        Column("AGE", "age", right=True),
    ]
    if wide:
        shown += [Column("COVERAGE", "coverage", right=True), Column("SOURCE", "source"), Column("WHY", "why")]
    return shown


def row(slo: Mapping[str, Any]) -> dict[str, Cell]:
    """Return the cells of one SLO; what is not known is shown as a dash."""
    metadata, spec, status = slo.get("metadata", {}), slo.get("spec", {}), slo.get("status") or {}
    windows = status.get("windows") or [{}]
    primary, burn = windows[0], status.get("burnRates") or {}
    state = status.get("state", State.UNKNOWN.value)
    return {
        "namespace": Cell(metadata.get("namespace", "")),
        "name": Cell(metadata.get("name", "")),
        "objective": Cell(f"{spec.get('target', '')}%"),
        "window": Cell(primary.get("name", "-")),
        "sli": Cell(number(primary.get("sli"), "{:.3f}%")),
        "burn_5m": Cell(number(burn.get("5m"), "{:.2f}")),
        "burn_1h": Cell(number(burn.get("1h"), "{:.2f}")),
        "remaining": Cell(number(primary.get("remainingPercent"), "{:.1f}%"), COLOURS.get(state)),
        "state": Cell(state, COLOURS.get(state)),
        "age": Cell(_age(metadata.get("creationTimestamp"))),
        "coverage": Cell(number(primary.get("coverage"), "{:.1%}")),
        "source": Cell(spec.get("source", "")),
        "why": Cell(_why(status)),
    }


def _why(status: Mapping[str, Any]) -> str:
    """Why the state is what it is."""
    return f"{status['reason']}: {status.get('message', '')}" if "reason" in status else "not evaluated yet"


def _age(created: object) -> str:
    if not isinstance(created, str):
        return "-"
    return age((datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds())
