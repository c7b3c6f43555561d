"""Backstop itself: namespace, image, chart."""

import json
import os
from collections.abc import Mapping
from typing import Any

from tests.cluster.client import Cluster
from tests.cluster.errors import ClusterError
from tests.cluster.paths import REPOSITORY
from tests.cluster.progress import Progress
from tests.cluster.state import Kind
from tests.image.build import build_image
from tests.install.apply import apply
from tests.install.rollout import wait_for_deployment

RELEASE = NAMESPACE = "backstop-system"
DEPLOYMENT = "backstop"
CHART = REPOSITORY / "charts" / "backstop"
BUILD_ANNOTATION = "backstop.dev/build"  # on the pods: the tag stays the same when a developer builds again
IMAGE_VARIABLE = "IMAGE"


def install_backstop(cluster: Cluster, progress: Progress, values: Mapping[str, Any] | None = None) -> None:
    """Bring the operator up, or up to date, with the chart's defaults and `values`. Raises ClusterError."""
    image = prepare_image(cluster, progress)
    given = json.dumps(_merged(dict(values or {}), image))
    with progress.step("backstop") as step:
        apply(cluster, namespace_object())
        step.note("helm upgrade")
        # The CRD may be there already, applied by hand or by a test: Helm refuses what it did not make, unless told.
        options = (f"--namespace={NAMESPACE}", "--values=-", "--take-ownership")
        cluster.helm("upgrade", "--install", RELEASE, CHART, *options, stdin=given)
        cluster.kubectl("wait", "--for=condition=Established", "crd/slos.backstop.dev", "--timeout=30s")
        wait_for_deployment(cluster, NAMESPACE, DEPLOYMENT, note=step.note)


def remove_backstop(cluster: Cluster, progress: Progress, *, crds: bool = True) -> None:
    """Remove the release and its namespace; CRDs only when asked and no SLO is left: they hold what people wrote."""
    with progress.step("remove backstop") as step:
        cluster.helm("uninstall", RELEASE, f"--namespace={NAMESPACE}", "--ignore-not-found", "--wait")
        cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=120s")
        if not crds:
            return
        left = slos(cluster)
        if left:
            step.note(f"the CRD stays, with {len(left)} SLOs: {', '.join(left[:5])}")
            return
        cluster.kubectl("delete", "crd", "slos.backstop.dev", "--ignore-not-found", "--timeout=60s")


def prepare_image(cluster: Cluster, progress: Progress) -> dict[str, Any]:
    """Put the image where the cluster's nodes find it; return the chart values that name it. Raises ClusterError."""
    given = os.environ.get(IMAGE_VARIABLE)
    if given:
        return image_values(given)
    if cluster.kind is Kind.CURRENT:
        raise ClusterError(
            "CLUSTER=current: nothing can be loaded into the nodes of your own cluster",
            hint="push the image of `make image` to a registry its nodes reach, then set IMAGE=registry/backstop:tag",
        )
    image = build_image(progress)
    with progress.step("load the image"):
        cluster.load(image.archive)
    return image_values(image.name) | {"podAnnotations": {BUILD_ANNOTATION: image.fingerprint}}


def image_values(name: str) -> dict[str, Any]:
    """Return the chart's image values for `repository:tag` or `repository@sha256:…`. Raises ClusterError."""
    repository, at, digest = name.partition("@")
    if at:
        return {"image": {"repository": repository, "digest": digest}}
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        raise ClusterError(f"IMAGE={name} has no tag", hint="write it as repository:tag or repository@sha256:…")
    return {"image": {"repository": repository, "tag": tag}}


def namespace_object() -> dict[str, Any]:
    """The operator's namespace admits only restricted pods: a chart that needed more would fail here."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}


def slos(cluster: Cluster) -> list[str]:
    """Return `namespace/name` of every SLO; none where the kind does not exist."""
    if not cluster.kubectl("get", "crd", "slos.backstop.dev", "--ignore-not-found", "-o", "name"):
        return []
    items = cluster.get("slos.backstop.dev", "--all-namespaces")["items"]
    return [f"{item['metadata']['namespace']}/{item['metadata']['name']}" for item in items]


def _merged(values: dict[str, Any], image: Mapping[str, Any]) -> dict[str, Any]:
    annotations = {**values.get("podAnnotations", {}), **image.get("podAnnotations", {})}
    return {**values, **image} | ({"podAnnotations": annotations} if annotations else {})
