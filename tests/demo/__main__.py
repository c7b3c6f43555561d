"""python -m tests.demo up|down: what `make demo` and `make demo-down` call."""

import argparse
import subprocess
import sys
from pathlib import Path

from tests.cluster.client import Cluster
from tests.cluster.errors import ClusterError
from tests.cluster.paths import REPOSITORY, Paths
from tests.cluster.progress import Progress
from tests.cluster.state import read_state
from tests.demo.shop import Shop
from tests.demo.story import LOAD_SECONDS, RATE, REPAIRED, Story
from tests.demo.table import Table
from tests.install.monitoring import install_prometheus, remove_prometheus
from tests.install.opened import open_cluster
from tests.install.release import install_backstop, remove_backstop
from tests.install.rollout import wait_for_deployment

EXAMPLES = REPOSITORY / "manifests" / "examples"
SLOS = ("slo-availability.yaml", "slo-latency.yaml")
MARK = "made-by-demo"  # in .cluster/: the demo brought the cluster up, so demo-down may take it down
VALUES = {"status": {"minimumInterval": "5s"}}  # numbers as often as they are evaluated: people are watching


def up() -> int:
    """Bring everything up, tell the story, and return 0 only if it was true."""
    paths, progress = Paths(), Progress()
    ours = read_state(paths.state) is None
    manage_cluster("up")
    if ours:
        (paths.root / MARK).touch()
    cluster = open_cluster()
    shop = Shop(cluster)
    install_prometheus(cluster, progress)
    install_backstop(cluster, progress, VALUES)
    shop.install(progress)
    start_fresh(cluster, shop, progress)
    story = Story(cluster, shop, Table())
    story.tell()
    print(summary(story))
    return 1 if story.failures else 0


def down() -> int:
    """Remove what the demo made; the cluster only if the demo brought it up."""
    paths, progress = Paths(), Progress()
    up_now = read_state(paths.state) is not None
    if up_now:
        cluster = open_cluster()
        with progress.step("remove the checkout application"):
            Shop(cluster).remove()
        remove_backstop(cluster, progress)
        remove_prometheus(cluster, progress)
    mark = paths.root / MARK
    if mark.exists():
        manage_cluster("down")
        mark.unlink(missing_ok=True)
    elif up_now:
        progress.say("the cluster stays: it was up before the demo (make cluster-down stops it)")
    else:
        progress.say("no cluster is up, so nothing of the demo is left")
    return 0


def start_fresh(cluster: Cluster, shop: Shop, progress: Progress) -> None:
    """Start from zero: a second demo must not count the events of the first."""
    with progress.step("load and SLOs"):
        shop.stop_load()
        files = [f"--filename={EXAMPLES / name}" for name in SLOS]
        cluster.kubectl("delete", "--ignore-not-found", *files)
        if shop.counted().total:
            restart(cluster, shop.namespace, "checkout-blue", "checkout-green")
            restart(cluster, "monitoring", "prometheus")  # it would remember the first demo's last minutes
        shop.behave(**REPAIRED)
        shop.start_load(rate=RATE, seconds=LOAD_SECONDS)
        cluster.kubectl("apply", "--server-side", "--force-conflicts", *files)


def restart(cluster: Cluster, namespace: str, *deployments: str) -> None:
    """Replace the pods of Deployments, and wait until the new ones are ready. Raises ClusterError."""
    where = f"--namespace={namespace}"
    names = [f"deployment/{name}" for name in deployments]
    cluster.kubectl("rollout", "restart", *names, where)
    for name in deployments:
        wait_for_deployment(cluster, namespace, name, note=lambda _text: None)


def summary(story: Story) -> str:
    """Return the timeline with seconds, and whether it was as it should be."""
    lines = ["", "What happened, in seconds after the SLOs were applied:"]
    lines += [f"  {seconds:6.1f}  {text}" for seconds, text in story.events]
    if story.failures:
        lines += ["", "NOT AS IT SHOULD BE:", *(f"  {failure}" for failure in story.failures)]
    else:
        lines += [
            "",
            "All of it was checked. Look around:  .cluster/bin/kubectl --kubeconfig .cluster/kubeconfig get slo -A",
            "Remove it again:  make demo-down",
        ]
    return "\n".join(lines)


def manage_cluster(command: str) -> None:
    """Run a command of the test bed with its progress on this terminal. Raises ClusterError when it fails."""
    done = subprocess.run([sys.executable, "-m", "tests.cluster", command], cwd=Path(REPOSITORY), check=False)
    if done.returncode != 0:
        raise ClusterError(f"the cluster did not go {command}; its own report is above")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.demo", description="An SLO burns and recovers, live")
    parser.add_argument("command", choices=["up", "down"])
    command = parser.parse_args().command
    try:
        return up() if command == "up" else down()
    except ClusterError as error:
        Progress().say(f"\n{error.report()}")
        return 1
    except KeyboardInterrupt:
        Progress().say("\ninterrupted; make demo-down removes what was made")
        return 130


if __name__ == "__main__":
    sys.exit(main())
