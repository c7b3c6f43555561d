"""`backstop ack`: I take care of this incident."""

from typing import Any

import click

from backstop.cli.answering import answer, said, waiting_options
from backstop.cli.answers import Acknowledge
from backstop.cli.cluster_options import cluster_options

EXAMPLES = """\b
Examples:
  backstop ack checkout-1a2b3c4d-1 -n shop
  backstop ack checkout-1a2b3c4d-1 -n shop --note "the database is full, adding space"

It is recorded under the name by which the API server knows you. This needs the right to patch incidents.

Exit code: 0 recorded, 1 there is no such incident, or nothing is left to acknowledge, 2 the cluster cannot be asked or
refuses, 3 stored, but not recorded by the operator in time.
"""


@click.command("ack", epilog=EXAMPLES)
@click.argument("name")
@click.option("--note", callback=said, metavar="TEXT", help="Something for the timeline.")
@waiting_options
@cluster_options
def command(name: str, note: str | None, **rest: Any) -> None:
    """Acknowledge an incident: you take care of it."""
    answer(name, Acknowledge(note), **rest)
