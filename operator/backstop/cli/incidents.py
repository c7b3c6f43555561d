"""`backstop incidents`: what is wrong now, the worst first."""

from typing import Any

import click

from backstop.bootstrap.client import Scope
from backstop.bootstrap.incidents import Cluster, connected
from backstop.cli.cluster_options import again_and_again, clear_screen, list_options, print_objects, run
from backstop.cli.incident_text import columns, is_resolved, row, worst_first
from backstop.cli.table import render

EXAMPLES = """\b
Examples:
  backstop incidents                 incidents of the current namespace that are not resolved
  backstop incidents -A -w           of all namespaces, refreshed every two seconds until interrupted
  backstop incidents --all -o wide   resolved ones too, with services and titles
  backstop incidents -A -o json | jq '.items[].metadata.name'

\b
SINCE is how long ago it was opened, or resolved; WHO acknowledged it, or resolved it; NEXT the deadline that is due
first, and those that were missed.

Exit code: 0 listed, 2 the cluster cannot be asked.
"""


@click.command("incidents", epilog=EXAMPLES)
@click.option("--all", "resolved", is_flag=True, help="Resolved ones too.")
@list_options
def command(output: str, *, resolved: bool, watch: bool, **scope: Any) -> None:
    """Show incidents: those that are not resolved, the worst first."""
    run(_show(Scope(**scope), output=output, resolved=resolved, watch=watch))


async def _show(scope: Scope, *, output: str, resolved: bool, watch: bool) -> None:
    async with connected(scope) as cluster:

        async def once() -> None:
            await _print(cluster, scope, output=output, resolved=resolved, watch=watch)

        await again_and_again(once, cluster.clock, watch=watch)


async def _print(cluster: Cluster, scope: Scope, *, output: str, resolved: bool, watch: bool) -> None:
    every = worst_first(await cluster.incidents())
    found = [incident for incident in every if resolved or not is_resolved(incident)]
    clear_screen(watch=watch)
    if output in ("json", "yaml"):
        print_objects(found, output)
    elif found:
        now = cluster.clock.now()
        shown_columns = columns(wide=output == "wide", namespaces=scope.all_namespaces)
        click.echo(render(shown_columns, [row(incident, now) for incident in found]))
    else:
        where = "in any namespace" if scope.all_namespaces else f"in namespace {cluster.namespace}"
        left = f"; --all shows {len(every)} resolved" if every else ""
        click.echo(f"No incidents {where}{left}.", err=True)
