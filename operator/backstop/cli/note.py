"""`backstop note`: something for the timeline of an incident."""

from typing import Any

import click

from backstop.cli.answering import answer, said, waiting_options
from backstop.cli.answers import Note
from backstop.cli.cluster_options import cluster_options

EXAMPLES = """\b
Examples:
  backstop note checkout-1a2b3c4d-1 "rolled back to v41" -n shop

A note can be added at any time, after the resolution too.

Exit code: 0 recorded, 1 there is no such incident, 2 the cluster cannot be asked or refuses, 3 stored, but not recorded
by the operator in time.
"""


@click.command("note", epilog=EXAMPLES)
@click.argument("name")
@click.argument("text", callback=said)
@waiting_options
@cluster_options
def command(name: str, text: str, **rest: Any) -> None:
    """Add a note to the timeline of an incident."""
    answer(name, Note(text), **rest)
