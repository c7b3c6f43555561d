"""Where each replica keeps its ledger: in a folder of its pod, or on a claim of its own."""

from typing import Any

import pytest

from tests.chart.render import Object, RenderError, only, render, workload
from tests.chart.test_configuration import configuration

ON_CLAIMS: dict[str, Any] = {"checkpoint": {"volume": "persistentVolumeClaim"}}


def test_every_case_has_one_object_that_makes_pods_and_a_volume_where_the_configuration_says(objects: list[Object]):
    made = workload(objects)
    pod = made["spec"]["template"]["spec"]
    folder = configuration(objects).checkpoint.folder
    (mount,) = [m for m in pod["containers"][0]["volumeMounts"] if m["mountPath"] == folder]
    assert not mount.get("readOnly")
    in_the_pod = [volume for volume in pod["volumes"] if volume["name"] == mount["name"]]
    claims = made["spec"].get("volumeClaimTemplates", [])
    assert [claim["metadata"]["name"] for claim in claims if not in_the_pod] in ([], [mount["name"]])
    assert len(in_the_pod) + len(claims) == 1


def test_the_operator_is_told_how_large_its_volume_is(objects: list[Object]):
    made = workload(objects)
    size = f"{configuration(objects).checkpoint.size_mebibytes}Mi"
    if made["kind"] == "StatefulSet":
        (claim,) = made["spec"]["volumeClaimTemplates"]
        assert claim["spec"]["resources"]["requests"]["storage"] == size
    else:
        (state,) = [v for v in made["spec"]["template"]["spec"]["volumes"] if v["name"] == "state"]
        assert state["emptyDir"] == {"sizeLimit": size}


def test_with_claims_the_operator_is_a_stateful_set_with_one_claim_for_each_replica():
    made = workload(render({"replicas": 2, **ON_CLAIMS}))
    assert (made["kind"], made["spec"]["replicas"]) == ("StatefulSet", 2)
    (claim,) = made["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    assert "storageClassName" not in claim["spec"]  # the default class
    assert "persistentVolumeClaimRetentionPolicy" not in made["spec"]  # kept when scaled down or uninstalled


def test_the_pods_are_the_same_but_for_the_volume_and_who_may_write_to_it():
    in_pods, on_claims = (workload(render(values))["spec"] for values in ({}, ON_CLAIMS))
    assert on_claims["selector"] == in_pods["selector"]
    pod, other = in_pods["template"], on_claims["template"]
    pod["spec"]["volumes"] = [v for v in pod["spec"]["volumes"] if v["name"] != "state"]
    assert other["spec"]["securityContext"].pop("fsGroup") == 65532
    assert other["spec"]["securityContext"].pop("fsGroupChangePolicy") == "OnRootMismatch"
    assert other == pod


def test_the_group_is_left_to_the_cluster_where_it_says_so():
    values = {"checkpoint": {"volume": "persistentVolumeClaim", "persistentVolumeClaim": {"fsGroup": None}}}
    assert "fsGroup" not in workload(render(values))["spec"]["template"]["spec"]["securityContext"]


def test_nothing_in_a_claim_changes_with_the_version_since_kubernetes_would_refuse_the_upgrade():
    labels = workload(render(ON_CLAIMS))["spec"]["volumeClaimTemplates"][0]["metadata"]["labels"]
    assert labels == only(render(), "Deployment")["spec"]["selector"]["matchLabels"]


@pytest.mark.parametrize("volume", ["hostPath", "", None])
def test_another_volume_is_refused(volume: str | None):
    with pytest.raises(RenderError, match="volume"):
        render({"checkpoint": {"volume": volume}})
