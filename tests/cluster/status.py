"""What is up, as lines for a person."""

from tests.cluster.components import NAMES
from tests.cluster.errors import ClusterError
from tests.cluster.local import LocalCluster
from tests.cluster.paths import Paths
from tests.cluster.shell import direct_environment, run
from tests.cluster.state import Kind, State


def describe(state: State, paths: Paths, local: LocalCluster) -> tuple[list[str], bool]:
    """Return the lines, and whether everything works."""
    lines = [
        f"cluster     {state.kind}, context {state.context}, since {state.since}",
        f"kubeconfig  {paths.kubeconfig}",
        f"programs    {paths.bin}",
    ]
    healthy = True
    if state.kind is Kind.LOCAL:
        lines.append(f"logs        {paths.log}")
        running = local.running()
        for name in NAMES:
            pid = running.get(name)
            lines.append(f"  {'✓' if pid else '✗'} {name:24} {f'pid {pid}' if pid else 'does not run'}")
        healthy = all(name in running for name in NAMES)
    try:
        nodes = run(
            [paths.bin / "kubectl", f"--kubeconfig={paths.kubeconfig}", "--request-timeout=10s", "get", "nodes"],
            env=direct_environment() if state.kind is Kind.LOCAL else None,
        )
        lines += ["", *nodes.rstrip().splitlines()]
    except ClusterError as exc:
        lines += ["", f"✗ the API server does not answer: {exc.message}"]
        healthy = False
    if not healthy:
        lines.append("`make cluster-up` repairs it")
    return lines, healthy
