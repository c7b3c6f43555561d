"""The Prometheus of test clusters."""

import os
from pathlib import Path

import pytest
import yaml

from tests.cluster.catalogue import prometheus
from tests.cluster.client import Cluster
from tests.cluster.shell import run
from tests.install.monitoring import LOCAL_IMAGE, MANIFEST, package, with_image

OBJECTS = list(yaml.safe_load_all(MANIFEST.read_text()))


def test_the_manifest_names_the_version_that_the_test_bed_has():
    (deployment,) = [o for o in OBJECTS if o["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"prom/prometheus:v{prometheus().version}"


def test_only_the_named_container_gets_another_image():
    pod = {"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]}}
    (changed,) = with_image([{"kind": "Deployment", "spec": {"template": pod}}], "b", LOCAL_IMAGE)
    images = [container["image"] for container in changed["spec"]["template"]["spec"]["containers"]]
    assert images == ["x", LOCAL_IMAGE]
    assert with_image([{"kind": "Namespace"}], "b", LOCAL_IMAGE) == [{"kind": "Namespace"}]


def test_the_image_is_written_again_only_for_a_newer_program(tmp_path: Path):
    program, archive = tmp_path / "prometheus", tmp_path / "build" / "prometheus.tar"
    program.write_bytes(b"program")
    os.utime(program, (1, 1))
    package(program, archive)
    first = archive.stat().st_mtime_ns
    package(program, archive)
    assert archive.stat().st_mtime_ns == first
    newer = archive.stat().st_mtime + 1
    os.utime(program, (newer, newer))
    package(program, archive)
    assert archive.stat().st_mtime_ns != first


@pytest.mark.cluster
def test_promtool_accepts_the_configuration(cluster: Cluster, tmp_path: Path):
    (config,) = [o for o in OBJECTS if o["kind"] == "ConfigMap"]
    file = tmp_path / "prometheus.yml"
    # promtool looks for the token of the service account, which only a pod has; everything else is checked.
    file.write_text(config["data"]["prometheus.yml"])
    assert "SUCCESS" in run([cluster.bin / "promtool", "check", "config", "--syntax-only", file])


@pytest.mark.cluster
def test_the_api_server_accepts_every_object(cluster: Cluster, namespace: str):
    inside = [
        o | {"metadata": o["metadata"] | ({"namespace": namespace} if "namespace" in o["metadata"] else {})}
        for o in OBJECTS
    ]
    text = yaml.safe_dump_all(inside)
    assert cluster.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=text)
