"""The CRDs that the chart installs are the generated ones, and an uninstall does not take SLOs along by default."""

import pytest
import yaml

from tests.chart.render import CHART, of_kind, render
from tests.cluster.paths import REPOSITORY

CRDS = sorted((REPOSITORY / "crds").glob("*.yaml"))


def test_the_chart_has_a_copy_of_every_crd():
    assert CRDS
    copies = {path.name: path.read_text() for path in (CHART / "files" / "crds").glob("*.yaml")}
    assert copies == {path.name: path.read_text() for path in CRDS}


@pytest.mark.parametrize("path", CRDS, ids=lambda path: path.stem)
def test_helm_changes_nothing_but_labels_and_annotations(path):
    original = yaml.safe_load(path.read_text())
    name = original["metadata"]["name"]
    (installed,) = [crd for crd in of_kind(render(), "CustomResourceDefinition") if crd["metadata"]["name"] == name]
    assert installed["spec"] == original["spec"]


@pytest.mark.parametrize(("keep", "policy"), [(True, "keep"), (False, None)])
def test_crds_survive_an_uninstall_unless_told_otherwise(keep, policy):
    crds = of_kind(render({"crds": {"keep": keep}}), "CustomResourceDefinition")
    assert crds
    assert {crd["metadata"].get("annotations", {}).get("helm.sh/resource-policy") for crd in crds} == {policy}


def test_crds_can_be_left_to_another_tool():
    assert of_kind(render({"crds": {"install": False}}), "CustomResourceDefinition") == []
