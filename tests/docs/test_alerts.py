"""The alerting rules that a page offers: each fires where it must, and stays silent where it must not."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.cluster.paths import REPOSITORY
from tests.docs.pages import blocks_of
from tests.prometheus_server import prometheus_binary

PAGE = REPOSITORY / "docs" / "how-to" / "alert-on-unknown.md"
CASES = Path(__file__).parent / "alerts_test.yaml"


def rules() -> str:
    (block,) = [block for block in blocks_of(PAGE, "yaml") if "groups:" in block.text]
    return block.text


@pytest.mark.prometheus
def test_the_rules_of_the_page_fire_and_stay_silent_as_told(tmp_path):
    (tmp_path / "rules.yaml").write_text(rules())
    cases = tmp_path / "alerts_test.yaml"
    cases.write_text(CASES.read_text())
    done = subprocess.run(
        [prometheus_binary("promtool"), "test", "rules", cases], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_rule_has_a_case_in_which_it_fires_and_one_in_which_it_does_not():
    names = [rule["alert"] for group in yaml.safe_load(rules())["groups"] for rule in group["rules"]]
    judged: dict[str, set[bool]] = {name: set() for name in names}
    for case in yaml.safe_load(CASES.read_text())["tests"]:
        for expected in case["alert_rule_test"]:
            judged[expected["alertname"]].add(bool(expected.get("exp_alerts")))
    assert judged == {name: {True, False} for name in names}
