"""Fixtures of this folder; `tests/adapters/kopf` uses the same."""

from tests.adapters.kubernetes.fixtures import (
    client,
    clock,
    no_operator,
    nobody_kubeconfig,
    operator_kubeconfig,
    powerless_client,
    slo_cluster,
)

__all__ = [
    "client",
    "clock",
    "no_operator",
    "nobody_kubeconfig",
    "operator_kubeconfig",
    "powerless_client",
    "slo_cluster",
]
