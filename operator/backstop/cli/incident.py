"""`backstop incident`: open one, look at one, write one down, change how bad it is."""

import re
from functools import partial
from typing import Any, Final

import click

from backstop.api.to_incident import to_incident
from backstop.api.v1alpha1.incident import MAX_TITLE_LENGTH
from backstop.bootstrap.client import Scope
from backstop.bootstrap.incidents import Object, connected
from backstop.cli.answering import answer, named, said, waiting_options
from backstop.cli.answers import ChangeSeverity
from backstop.cli.cluster_options import cluster_options, print_object, run
from backstop.cli.incident_show import incident_text
from backstop.cli.printable import printable, printable_lines
from backstop.domain.alert_policy import Severity
from backstop.domain.errors import Conflict
from backstop.domain.incident_report import markdown
from backstop.vocabulary import API_VERSION, Annotation

SEVERITIES: Final = click.Choice([severity.value for severity in Severity])
_TRIES: Final = 3  # to find a name that nobody has
_MAX_STEM: Final = 40  # characters of a name that come from the title

EXAMPLES = """\b
Examples:
  backstop incident open --title "checkout is slow" --severity P1 --service checkout -n shop
  backstop incident show checkout-1a2b3c4d-1 -n shop
  backstop incident severity checkout-1a2b3c4d-1 P0 --reason "payments fail too" -n shop
  backstop incident export checkout-1a2b3c4d-1 -n shop -o md > review.md

Lists: backstop incidents. Answers: backstop ack, backstop note, backstop resolve.
"""


@click.group("incident", epilog=EXAMPLES)
def command() -> None:
    """Open an incident by hand, show one, export its review, change its severity."""


OPEN_EXAMPLES = """\b
Examples:
  backstop incident open --title "checkout is slow" --severity P1
  backstop incident open --title "wrong prices shown" --severity P0 --service catalog -n shop \\
    --description "since the import of this morning; support has tickets"

Its name is printed. Whoever opens one is named in its timeline. This needs the right to create incidents.

Exit code: 0 opened, 2 the cluster cannot be asked or refuses.
"""


@command.command("open", epilog=OPEN_EXAMPLES)
@click.option(
    "--title",
    required=True,
    callback=partial(said, most=MAX_TITLE_LENGTH),
    metavar="TEXT",
    help="What is wrong, in one line.",
)
@click.option("--severity", required=True, type=SEVERITIES, help="How bad it is; P0 is the worst.")
@click.option("--service", help="The service that it is about.")
@click.option("--description", callback=said, metavar="TEXT", help="What others should know.")
@cluster_options
def open_incident(title: str, severity: str, service: str | None, description: str | None, **scope: Any) -> None:
    """Open an incident by hand."""
    spec = {"title": title, "severity": severity, "service": service, "description": description}
    opened = run(_open(Scope(**scope), {name: value for name, value in spec.items() if value is not None}))
    metadata = opened["metadata"]
    click.echo(printable(f"{metadata['namespace']}/{metadata['name']}  {severity}  opened"))


SHOW_EXAMPLES = """\b
Examples:
  backstop incident show checkout-1a2b3c4d-1 -n shop
  backstop incident show checkout-1a2b3c4d-1 -n shop -o json | jq .status.timeline

Exit code: 0 shown, 1 there is no such incident, 2 the cluster cannot be asked.
"""


@command.command("show", epilog=SHOW_EXAMPLES)
@click.argument("name")
@click.option("-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text", show_default=True)
@cluster_options
def show(name: str, output: str, **scope: Any) -> None:
    """Show an incident: alerts and why, deadlines, deliveries, timeline, and what happens next."""
    run(_show(Scope(**scope), name, output))


EXPORT_EXAMPLES = """\b
Examples:
  backstop incident export checkout-1a2b3c4d-1 -n shop -o md > review.md
  backstop incident export checkout-1a2b3c4d-1 -n shop -o json

Exit code: 0 exported, 1 there is no such incident, 2 the cluster cannot be asked.
"""


@command.command("export", epilog=EXPORT_EXAMPLES)
@click.argument("name")
@click.option("-o", "--output", type=click.Choice(["md", "json"]), default="md", show_default=True)
@cluster_options
def export(name: str, output: str, **scope: Any) -> None:
    """Export an incident: a page in Markdown to review and complete, or the object in JSON."""
    run(_export(Scope(**scope), name, output))


SEVERITY_EXAMPLES = """\b
Examples:
  backstop incident severity checkout-1a2b3c4d-1 P0 --reason "payments fail too" -n shop
  backstop incident severity checkout-1a2b3c4d-1 P3 --reason "only the test tenant" -n shop

Exit code: 0 recorded, 1 there is no such incident, it is resolved, or has that severity, 2 the cluster cannot be asked
or refuses, 3 stored, but not recorded by the operator in time.
"""


@command.command("severity", epilog=SEVERITY_EXAMPLES)
@click.argument("name")
@click.argument("severity", type=SEVERITIES)
@click.option("--reason", required=True, callback=said, metavar="TEXT", help="Why it is worse, or not as bad.")
@waiting_options
@cluster_options
def change_severity(name: str, severity: str, reason: str, **rest: Any) -> None:
    """Change how bad an incident is, with the reason."""
    answer(name, ChangeSeverity(severity, reason), **rest)


async def _open(scope: Scope, spec: dict[str, str]) -> Object:
    async with connected(scope) as cluster:
        user = await cluster.caller()
        body = {
            "apiVersion": API_VERSION,
            "kind": "Incident",
            "metadata": {
                "generateName": f"{stem_of(spec['title'])}-",
                "namespace": cluster.namespace,
                "annotations": {Annotation.OPENED_BY.value: user},
            },
            "spec": spec,
        }
        for _ in range(_TRIES - 1):
            try:
                return await cluster.open(body)
            except Conflict:
                continue  # the server chose a name that somebody has
        return await cluster.open(body)


async def _show(scope: Scope, name: str, output: str) -> None:
    async with connected(scope) as cluster:
        incident = await named(cluster, name)
        if output == "text":
            click.echo(incident_text(incident, cluster.clock.now()))
        else:
            print_object(incident, output)


async def _export(scope: Scope, name: str, output: str) -> None:
    async with connected(scope) as cluster:
        incident = await named(cluster, name)
        if output == "md":
            click.echo(printable_lines(markdown(to_incident(incident))), nl=False)
        else:
            print_object(incident, output)


def stem_of(title: str) -> str:
    """Return a title as the beginning of a name of Kubernetes: lower-case letters, digits and '-'."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return words[:_MAX_STEM].rstrip("-") or "incident"
