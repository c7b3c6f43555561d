"""What helm says after an install: what to do next, which rights are on, which risks were chosen."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.chart.matrix import EVERYTHING
from tests.chart.render import CHART, only, render

SHOW_NOTES = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: notes}
data: {notes: {{ include "backstop/templates/NOTES.txt" . | toJson }}}
"""


@pytest.fixture(scope="module")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the chart that renders its notes into an object: `helm template` leaves them out."""
    copy = tmp_path_factory.mktemp("chart") / "backstop"
    shutil.copytree(CHART, copy)
    (copy / "templates" / "notes.yaml").write_text(SHOW_NOTES)
    return copy


def notes(chart: Path, values: dict[str, Any] | None = None) -> list[str]:
    text = only(render(values, chart=chart), "ConfigMap", "notes")["data"]["notes"]
    return [line.strip() for line in text.splitlines()]


def test_they_name_a_command_that_tells_whether_it_runs(chart: Path):
    assert "kubectl -n backstop-system rollout status deployment/backstop" in notes(chart)


def test_they_tell_which_rights_are_on_and_where(chart: Path):
    everywhere = notes(chart)
    assert "on   read SLOs and write their status     in every namespace" in everywhere
    assert "on   a Lease in backstop-system for the election of the leader" in everywhere
    certificate = (
        "the certificate of its webhook: Secret backstop-webhook-tls, and the caBundle of its own configuration"
    )
    assert f"on   {certificate}" in everywhere
    assert f"off  {certificate}" in notes(chart, {"admission": {"enabled": False}})
    limited = notes(chart, EVERYTHING)
    assert "on   read SLOs and write their status     in shop, team-a" in limited
    assert "off  a Lease in backstop-system for the election of the leader" in notes(
        chart, {"leaderElection": {"enabled": False}}
    )


def test_they_warn_of_what_was_left_open(chart: Path):
    assert "(no enforceMatcher: who may write an SLO there can read every series of this source)" in notes(chart)
    enforced = {"sources": [{"name": "a", "url": "http://b", "enforceMatcher": {"namespace": "$namespace"}}]}
    assert not [line for line in notes(chart, enforced) if "enforceMatcher" in line]
    forgeable = notes(chart, {"admission": {"records": False}})
    assert [line for line in forgeable if line.startswith("RISK: admission.records is false")]
    assert [line for line in notes(chart, {"crds": {"keep": False}}) if line.startswith("RISK: crds.keep is false")]


def test_they_name_no_secret(chart: Path):
    assert not [line for line in notes(chart, EVERYTHING) if "mimir-client" in line or "password" in line]
