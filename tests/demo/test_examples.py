"""The examples are valid, and those of SLOs fit the application that they are about."""

from pathlib import Path

import pytest
import yaml

from backstop.api.to_alert_policy import check_alert_policy
from backstop.api.to_channel import check_channel
from backstop.api.to_domain import check_slo
from backstop.api.to_maintenance import check_maintenance
from tests.cluster.paths import REPOSITORY

EXAMPLES = sorted((REPOSITORY / "manifests" / "examples").glob("*.yaml"))
CHECKS = {
    "SLO": check_slo,
    "MaintenanceWindow": check_maintenance,
    "NotificationChannel": check_channel,
    "AlertPolicy": check_alert_policy,
}
INDICATORS = {"ratio", "latency", "boolean", "threshold", "query", "composite"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_no_problem_and_no_warning(path: Path):
    for document in yaml.safe_load_all(path.read_text()):
        checked = CHECKS[document["kind"]](document)
        assert (checked.problems, checked.warnings) == ((), ())


def test_there_is_an_example_of_every_indicator():
    slos = [example for path in EXAMPLES if (example := yaml.safe_load(path.read_text()))["kind"] == "SLO"]
    shown = {kind for slo in slos for kind in slo["spec"]["indicator"]}
    assert shown == INDICATORS
