"""The console script. Commands are imported when they run, so that `--help` stays quick (semantics T3)."""

import importlib
import importlib.metadata
from collections.abc import Mapping
from typing import Final

import click

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "ack": ("backstop.cli.ack", "Acknowledge an incident: you take care of it."),
    "alerts": ("backstop.cli.alerts", "Show alerts: what fires, what is pending and why not, what is unknown."),
    "crds": ("backstop.cli.crds", "Print the custom resource definitions."),
    "evaluate": ("backstop.cli.evaluate", "Evaluate SLOs in files at one moment, without a cluster."),
    "get": ("backstop.cli.get", "Show SLOs: SLI, burn rate, error budget, state."),
    "incident": ("backstop.cli.incident", "Open an incident by hand, show one, export its review."),
    "incidents": ("backstop.cli.incidents", "Show incidents: those that are not resolved, the worst first."),
    "note": ("backstop.cli.note", "Add a note to the timeline of an incident."),
    "replay": ("backstop.cli.replay", "Replay SLOs in files over the past of a Prometheus, without a cluster."),
    "resolve": ("backstop.cli.resolve", "Resolve an incident yourself, with the reason."),
    "run": ("backstop.cli.run", "Run the operator, in a cluster or from a laptop."),
    "validate": ("backstop.cli.validate", "Check resources in files, without a cluster."),
}

EPILOG: Final = """\b
Examples:
  backstop validate -f slos/                   check files before they are applied
  backstop replay -f slos/ --source URL        see what the last 30 days would have been
  backstop get -n shop -w                      watch the SLOs of a namespace
  backstop incidents -A                        what is wrong now, the worst first
  backstop crds | kubectl apply -f -           install the resource definitions
  backstop run --kubeconfig ~/.kube/config     run the operator from here
"""


class LazyCommands(click.Group):
    """A group whose commands are known by name and short help, and loaded on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name][0]).command
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name][0]}.command is not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in sorted(COMMANDS.items())])


@click.command(cls=LazyCommands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(importlib.metadata.version("backstop"), "-V", "--version", prog_name="backstop")
def main() -> None:
    """Backstop enforces service level objectives on Kubernetes.

    It reads SLIs from Prometheus, keeps error budgets, and writes what it knows back to the resources.
    """
