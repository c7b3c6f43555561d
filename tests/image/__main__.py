"""python -m tests.image build"""

import argparse
import sys

from tests.cluster.errors import ClusterError
from tests.cluster.progress import Progress
from tests.image.build import build_image


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.image", description="The container image")
    parser.add_argument("command", choices=["build"])
    parser.parse_args()
    progress = Progress()
    try:
        image = build_image(progress)
    except ClusterError as error:
        progress.say(error.report())
        return 1
    print(image.archive)
    return 0


if __name__ == "__main__":
    sys.exit(main())
