"""Writes the committed files that follow from others: `python -m tests.generate`; `--check` only compares.

To add files, write a module in tests/generators with a `Generator` and name it in GENERATORS.
"""

import argparse
import sys

from tests.generators.chart_readme import CHART_README
from tests.generators.configuration_reference import CONFIGURATION_REFERENCE
from tests.generators.crds import CRDS
from tests.generators.install_manifest import INSTALL_MANIFEST
from tests.generators.kind_reference import (
    ALERT_POLICY_REFERENCE,
    CHANNEL_REFERENCE,
    INCIDENT_REFERENCE,
    MAINTENANCE_REFERENCE,
    SLO_REFERENCE,
)
from tests.generators.message_reference import MESSAGE_REFERENCE
from tests.generators.registry import differences, write
from tests.generators.replay_reference import REPLAY_REFERENCE
from tests.generators.vocabulary_reference import VOCABULARY_REFERENCE

# In this order: the chart's output has the CRDs in it.
GENERATORS = (
    CRDS,
    SLO_REFERENCE,
    MAINTENANCE_REFERENCE,
    ALERT_POLICY_REFERENCE,
    CHANNEL_REFERENCE,
    INCIDENT_REFERENCE,
    MESSAGE_REFERENCE,
    VOCABULARY_REFERENCE,
    CONFIGURATION_REFERENCE,
    REPLAY_REFERENCE,
    CHART_README,
    INSTALL_MANIFEST,
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file differs")
    if parser.parse_args(arguments).check:
        found = list(differences(GENERATORS))
        for line in found:
            print(line)
        if found:
            print("run `make crds` and commit what it writes")
        return 1 if found else 0
    for line in write(GENERATORS):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
