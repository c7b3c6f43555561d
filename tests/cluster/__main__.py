"""The test bed's commands: `python -m tests.cluster COMMAND`; the Makefile's cluster-* targets call them."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from tests.cluster import catalogue, images, packages
from tests.cluster.binaries import BinaryStore, link_programs
from tests.cluster.borrowed import CurrentCluster, KindCluster, ManagedCluster, forget
from tests.cluster.choice import choose, why_no_kind
from tests.cluster.components import NAMES
from tests.cluster.elevation import give_back, is_root, rerun_as_root
from tests.cluster.errors import ClusterError
from tests.cluster.local import LocalCluster
from tests.cluster.paths import Paths, Runtime
from tests.cluster.progress import Progress
from tests.cluster.state import Kind, State, read_owner, read_state
from tests.cluster.status import describe

COMPONENT = click.argument("component", type=click.Choice(NAMES))


@click.group(help="A real Kubernetes cluster for tests, demo and development.")
def main() -> None:
    """Group of the commands."""


@main.command()
def up() -> None:
    """Bring the cluster up, or repair it. Safe to repeat."""
    paths, progress = Paths(), Progress()
    state = read_state(paths.state)
    kind = choose(os.environ.get("CLUSTER", ""), state.kind if state else None, _reasons())
    cluster = _cluster(kind, progress)
    cluster.prepare()
    if kind is Kind.LOCAL:
        _as_root("up")
    cluster.up()
    give_back(paths)
    progress.total(f"cluster is up: kubeconfig {_short(paths.kubeconfig)}, programs in {_short(paths.bin)}")


@main.command()
@click.option("--any", "any_owner", is_flag=True, help="Stop this machine's local cluster, whichever checkout owns it.")
def down(*, any_owner: bool) -> None:
    """Stop the cluster and leave nothing behind; a cluster of CLUSTER=current is only forgotten."""
    paths, progress = Paths(), Progress()
    state = read_state(paths.state)
    owner = read_owner(Runtime().owner)
    if any_owner and owner is not None and owner.checkout != paths.checkout:
        _as_root("down", "--any")
        LocalCluster(progress, paths=Paths(owner.checkout)).down()
        progress.say(f"the local cluster of {owner.checkout} is down")
        owner = None
    owns_local = owner is not None and owner.checkout == paths.checkout
    if state is None and not owns_local:
        forget(paths)
        progress.say("no cluster of this checkout is up")
        return
    kind = Kind.LOCAL if owns_local or state is None else state.kind
    if kind is Kind.LOCAL:
        _as_root("down")
    _cluster(kind, progress).down()
    progress.total("cluster is down" if kind is not Kind.CURRENT else "forgotten; your cluster goes on as it is")


@main.command()
def status() -> None:
    """Show what runs and where its files are. Exit code 1 when no healthy cluster is up."""
    paths = Paths()
    state = read_state(paths.state)
    if state is None:
        click.echo("no cluster is up; `make cluster-up` starts one")
        sys.exit(1)
    lines, healthy = describe(state, paths, LocalCluster(Progress(), paths=paths))
    click.echo("\n".join(lines))
    sys.exit(0 if healthy else 1)


@main.command()
@click.argument("archive", type=click.Path(path_type=Path))
def load(archive: Path) -> None:
    """Load an OCI archive into the cluster's nodes."""
    state = _state_or_fail()
    if state.kind is Kind.LOCAL:
        _as_root("load", str(archive.resolve()))
    with Progress().step(f"load {archive.name}"):
        said = images.load(archive, state.kind, Runtime())
    click.echo(said.strip())


@main.command()
@COMPONENT
def restart(component: str) -> None:
    """Restart one component of the local cluster and wait until it is ready."""
    _local("restart", component, lambda cluster: cluster.restart(component))


@main.command()
@COMPONENT
def stop(component: str) -> None:
    """Stop one component of the local cluster, as if it had failed."""
    _local("stop", component, lambda cluster: cluster.stop(component))


@main.command()
@COMPONENT
def start(component: str) -> None:
    """Start one component of the local cluster and wait until it is ready."""
    _local("start", component, lambda cluster: cluster.start(component))


@main.command()
@click.argument("component", type=click.Choice(sorted(catalogue.optional())))
def add(component: str) -> None:
    """Add an optional program to .cluster/bin."""
    store = BinaryStore()
    wanted = catalogue.optional()[component]
    store.ensure(wanted, Progress())
    link_programs(store, [wanted], Paths().bin)
    click.echo("\n".join(str(Paths().bin / program) for program in wanted.programs))


@main.command(name="packages")
@click.argument("names", nargs=-1, required=True)
def install_packages(names: tuple[str, ...]) -> None:
    """Install those of the named Debian packages that are missing."""
    with Progress().step("Debian packages") as step:
        packages.ensure(*names, note=step.note)


def _reasons() -> dict[Kind, Callable[[], str | None]]:
    return {Kind.LOCAL: LocalCluster.why_not, Kind.KIND: why_no_kind, Kind.CURRENT: lambda: None}


def _cluster(kind: Kind, progress: Progress) -> ManagedCluster:
    match kind:
        case Kind.LOCAL:
            return LocalCluster(progress)
        case Kind.KIND:
            return KindCluster(progress)
        case Kind.CURRENT:
            return CurrentCluster(progress)


def _local(command: str, component: str, act: Callable[[LocalCluster], None]) -> None:
    state = _state_or_fail()
    if state.kind is not Kind.LOCAL:
        raise ClusterError(f"the cluster is of kind {state.kind}; only the local cluster's components are ours")
    _as_root(command, component)
    act(LocalCluster(Progress()))


def _state_or_fail() -> State:
    state = read_state(Paths().state)
    if state is None:
        raise ClusterError("no cluster is up", hint="make cluster-up")
    return state


def _as_root(*arguments: str) -> None:
    """Go on as root: a plain user's process hands over to one under sudo, and ends with its exit code."""
    if not is_root():
        sys.exit(rerun_as_root(arguments))


def _short(path: Path) -> str:
    return str(path.relative_to(Paths().checkout))


def run_main() -> None:
    """Run a command; an error that we understand becomes its report and exit code 1, not a traceback."""
    try:
        main(prog_name="python -m tests.cluster")
    except ClusterError as exc:
        sys.stderr.write(f"\n✗ {exc.report()}\n")
        sys.exit(1)


if __name__ == "__main__":
    run_main()
