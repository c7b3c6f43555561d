"""Asking the Prometheus in the cluster, through the API server's proxy."""

import json
from urllib.parse import quote

from tests.cluster.client import Cluster

PATH = "/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/query?query="


def query_number(cluster: Cluster, expression: str) -> float | None:
    """Return the value of an expression with one series, None when it has none. Raises ValueError for several."""
    result = json.loads(cluster.kubectl("get", "--raw", PATH + quote(expression, safe="")))["data"]["result"]
    if len(result) > 1:
        raise ValueError(f"{expression} has {len(result)} series")
    return float(result[0]["value"][1]) if result else None
