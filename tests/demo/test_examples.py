"""The example SLOs are valid, and fit the application that they are about."""

from pathlib import Path

import pytest
import yaml

from backstop.api.to_domain import check_slo
from tests.cluster.paths import REPOSITORY

EXAMPLES = sorted((REPOSITORY / "manifests" / "examples").glob("*.yaml"))
INDICATORS = {"ratio", "latency", "boolean", "threshold", "query", "composite"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_no_problem_and_no_warning(path: Path):
    for document in yaml.safe_load_all(path.read_text()):
        checked = check_slo(document)
        assert (checked.problems, checked.warnings) == ((), ())


def test_there_is_an_example_of_every_indicator():
    shown = {kind for path in EXAMPLES for kind in yaml.safe_load(path.read_text())["spec"]["indicator"]}
    assert shown == INDICATORS
