"""python -m tests.install up|down: what `make install` and `make uninstall` call."""

import argparse
import sys

from tests.cluster.errors import ClusterError
from tests.cluster.progress import Progress
from tests.install.monitoring import install_prometheus, remove_prometheus
from tests.install.opened import open_cluster
from tests.install.release import install_backstop, remove_backstop


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.install", description="Prometheus and Backstop in the cluster"
    )
    parser.add_argument("command", choices=["up", "down"])
    command = parser.parse_args().command
    progress = Progress()
    try:
        cluster = open_cluster()
        if command == "up":
            install_prometheus(cluster, progress)
            install_backstop(cluster, progress)
            progress.total("Backstop runs in backstop-system and reads Prometheus in monitoring; `kubectl get slo -A`")
        else:
            remove_backstop(cluster, progress)
            remove_prometheus(cluster, progress)
            progress.total("Backstop and Prometheus are gone")
    except ClusterError as error:
        progress.say(error.report())
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
