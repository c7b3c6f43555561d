"""`backstop resolve`: this incident is over, and why."""

from typing import Any

import click

from backstop.cli.answering import answer, said, waiting_options
from backstop.cli.answers import Resolve
from backstop.cli.cluster_options import cluster_options

EXAMPLES = """\b
Examples:
  backstop resolve checkout-1a2b3c4d-1 -n shop --reason "old replica removed, no errors since"

Incidents resolve by themselves once their alerts are known to be clear. What still fires after you resolved it opens it
again.

Exit code: 0 recorded, 1 there is no such incident, or it is resolved already, 2 the cluster cannot be asked or refuses,
3 stored, but not recorded by the operator in time.
"""


@click.command("resolve", epilog=EXAMPLES)
@click.argument("name")
@click.option("--reason", required=True, callback=said, metavar="TEXT", help="Why it is over.")
@waiting_options
@cluster_options
def command(name: str, reason: str, **rest: Any) -> None:
    """Resolve an incident yourself, with the reason."""
    answer(name, Resolve(reason), **rest)
