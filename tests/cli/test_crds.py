import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from backstop.cli.crds import command

CRDS = Path(__file__).parents[2] / "crds"
COMMITTED = CRDS / "backstop.dev_slos.yaml"


def test_the_definitions_are_printed_as_they_are_committed() -> None:
    result = CliRunner().invoke(command, [])
    assert result.exit_code == 0
    printed = result.stdout.split("---\n")
    assert sorted(printed) == sorted(file.read_text() for file in CRDS.glob("*.yaml"))


@pytest.mark.parametrize("name", ["slo", "SLO", "slos", "slos.backstop.dev"])
def test_one_can_be_asked_for_by_any_of_its_names(name: str) -> None:
    result = CliRunner().invoke(command, ["--name", name, "-o", "json"])
    assert json.loads(result.stdout) == yaml.safe_load(COMMITTED.read_text())


def test_an_unknown_name_is_a_wrong_call_that_lists_the_known_ones() -> None:
    result = CliRunner().invoke(command, ["--name", "pods"])
    assert result.exit_code == 2
    assert "write one of slos" in result.stderr
