"""What commands have in common that ask a cluster: options, the form of the output, and how they end."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import yaml

from backstop.bootstrap.incidents import Object
from backstop.cli.errors import CannotRun
from backstop.cli.printable import printable
from backstop.domain.errors import BackstopError
from backstop.ports.clock import Clock

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

WATCH_SECONDS: Final = 2.0
OUTPUTS: Final = ("table", "wide", "json", "yaml")

_NAMESPACE: Final = click.option("-n", "--namespace", help="Namespace; default: that of the context.")
_LOGIN: Final = (
    click.option(
        "--kubeconfig", type=click.Path(path_type=Path), help="A kubeconfig; default: $KUBECONFIG, ~/.kube/config."
    ),
    click.option("--context", help="Context in the kubeconfig."),
)
_MANY: Final = (
    click.option("-A", "--all-namespaces", is_flag=True, help="Those of all namespaces."),
    click.option("-o", "--output", type=click.Choice(OUTPUTS), default="table", show_default=True),
    click.option("-w", "--watch", is_flag=True, help="Show again every two seconds."),
)


def cluster_options(command: F) -> F:
    """Add the options that name a cluster and a namespace; `Scope` takes what they give."""
    return _with(command, _NAMESPACE, *_LOGIN)


def list_options(command: F) -> F:
    """Add the options of a list: namespaces, form, and whether it is shown again and again."""
    return _with(command, _NAMESPACE, *_MANY, *_LOGIN)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Do the work of a command. What is wrong with the cluster, or with our rights in it, ends it with 2."""
    try:
        return asyncio.run(work)
    except BackstopError as problem:
        raise CannotRun(printable(str(problem))) from problem
    except KeyboardInterrupt:
        sys.exit(130)


async def again_and_again(show: Callable[[], Awaitable[None]], clock: Clock, *, watch: bool) -> None:
    """Show once, or until interrupted on a screen that is cleared each time."""
    while True:
        await show()
        if not watch:
            return
        await clock.sleep(WATCH_SECONDS)


def clear_screen(*, watch: bool) -> None:
    """Make room for what is shown again; a pipe or a file keeps everything."""
    if watch and sys.stdout.isatty():
        click.clear()


def print_objects(objects: Sequence[Object], output: str) -> None:
    """Print objects as stored, as one List in JSON or YAML."""
    print_object({"apiVersion": "v1", "kind": "List", "items": list(objects)}, output)


def print_object(body: Object, output: str) -> None:
    """Print an object as stored, in JSON or YAML. Both forms escape control characters."""
    if output == "json":
        click.echo(json.dumps(body, indent=2))
    else:
        click.echo(yaml.safe_dump(dict(body), sort_keys=False), nl=False)


def _with(command: F, *options: Callable[[F], F]) -> F:
    for option in reversed(options):
        command = option(command)
    return command
