"""`backstop crds`: prints the CustomResourceDefinitions of the installed version."""

import json

import click

from backstop.api.crd import HEADER, KINDS, crd, to_yaml

EXAMPLES = """\b
Examples:
  backstop crds | kubectl apply --server-side -f -    install or upgrade them
  backstop crds --name slos                           one of them
  backstop crds -o json
"""


@click.command("crds", epilog=EXAMPLES)
@click.option("--name", metavar="KIND", help="Only this one: its kind, plural or full name.")
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
def command(name: str | None, output: str) -> None:
    """Print the CustomResourceDefinitions that belong to this version of Backstop."""
    kinds = [kind for kind in KINDS if name is None or name.lower() in (kind.name.lower(), kind.plural, kind.crd_name)]
    if not kinds:
        known = ", ".join(kind.plural for kind in KINDS)
        raise click.BadParameter(f"{name!r} is not a kind of Backstop; write one of {known}", param_hint="--name")
    definitions = [crd(kind) for kind in kinds]
    if output == "json":
        several = {"apiVersion": "v1", "kind": "List", "items": definitions}
        document = definitions[0] if len(definitions) == 1 else several
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        click.echo("---\n".join(HEADER + to_yaml(definition) for definition in definitions), nl=False)
