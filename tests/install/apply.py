"""Applying objects that a person may have applied by hand before."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from tests.cluster.client import Cluster


def apply(cluster: Cluster, *objects: Mapping[str, Any]) -> None:
    """Apply objects; ours win over what `kubectl apply` set on an earlier day. Raises ClusterError."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=_text(objects))


def _text(objects: Iterable[Mapping[str, Any]]) -> str:
    return yaml.safe_dump_all([dict(item) for item in objects])
