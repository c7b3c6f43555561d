"""`backstop run`: the operator itself."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import click

from backstop.domain.errors import BackstopError

EXAMPLES = """\b
Examples:
  backstop run                                           in a pod, as the chart starts it
  backstop run --config my.yaml                          from a laptop, with ~/.kube/config
  backstop run --config my.yaml --context staging        with another context

\b
The smallest configuration file:
  sources:
    - name: default
      url: http://localhost:9090
"""


@click.command("run", epilog=EXAMPLES)
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    default=lambda: os.environ.get("BACKSTOP_CONFIG", "/etc/backstop/config.yaml"),
    show_default="$BACKSTOP_CONFIG or /etc/backstop/config.yaml",
    help="Configuration file; read again when it changes.",
)
@click.option("--kubeconfig", type=click.Path(path_type=Path), help="Path of a kubeconfig.")
@click.option("--context", help="Context in the kubeconfig.")
@click.option(
    "--namespace",
    default=lambda: os.environ.get("POD_NAMESPACE", "backstop-system"),
    show_default="$POD_NAMESPACE or backstop-system",
    help="Namespace of the Lease.",
)
def command(config_path: Path, kubeconfig: Path | None, context: str | None, namespace: str) -> None:
    """Run the operator, in a cluster or from a laptop."""
    # Imported here, so that `backstop run --help` does not wait for the Kubernetes libraries.
    from backstop.bootstrap.operator import RunOptions, run_operator  # noqa: PLC0415

    options = RunOptions(config_path=config_path, kubeconfig=kubeconfig, context=context, namespace=namespace)

    async def until_signalled() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run_operator(options, stop)

    try:
        asyncio.run(until_signalled())
    except BackstopError as problem:
        click.echo(f"Error: {problem}", err=True)
        sys.exit(1)
