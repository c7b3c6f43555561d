"""The chart's admission objects on the test cluster, for an operator that runs as a process on this machine."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.chart.render import of_kind, only, render
from tests.cluster.client import Cluster
from tests.cluster.errors import ClusterError

SECRET = "backstop-webhook-tls"
ADDRESS = "127.0.0.1"
ADMISSION = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"


@contextmanager
def webhook(cluster: Cluster, namespace: str, port: int, *, name: str = "") -> Iterator[None]:
    """Have the API server ask 127.0.0.1:`port` about objects in `namespace`, as the chart has it ask a Service.

    The configuration is named after the namespace, unless there is a `name`.
    """
    chart = render({"watch": {"namespaces": [namespace]}})
    secret = only(chart, "Secret")
    secret["metadata"]["namespace"] = namespace
    configuration = only(chart, "ValidatingWebhookConfiguration")
    configuration["metadata"]["name"] = name or namespace
    for hook in configuration["webhooks"]:
        path = hook["clientConfig"]["service"]["path"]
        hook["clientConfig"] = {"url": f"https://{ADDRESS}:{port}{path}"}
    cluster.apply([secret, configuration])
    try:
        yield
    finally:
        cluster.kubectl("delete", f"validatingwebhookconfiguration/{name or namespace}", "--ignore-not-found")


@contextmanager
def records_policy(cluster: Cluster, name: str) -> Iterator[None]:
    """Put the chart's policy on records in force, and its roles for people, under names of the test's own."""
    chart = render()
    roles = [
        role
        for role in of_kind(chart, "ClusterRole")
        if any("aggregate-to" in label for label in role["metadata"]["labels"])
    ]
    for role in roles:
        role["metadata"]["name"] = f"{name}-{role['metadata']['name']}"
    policies = of_kind(chart, *ADMISSION)
    for item in policies:
        item["metadata"]["name"] = name
        if "policyName" in item["spec"]:
            item["spec"]["policyName"] = name
    made = [*roles, *policies]
    cluster.apply(made)
    try:
        yield
    finally:
        for item in made:
            cluster.kubectl("delete", item["kind"].lower(), item["metadata"]["name"], "--ignore-not-found")


def ca_bundle(cluster: Cluster, name: str) -> bytes:
    """Return what the API server trusts for the webhook."""
    (hook,) = cluster.get("validatingwebhookconfigurations", name)["webhooks"]
    return base64.b64decode(hook["clientConfig"].get("caBundle", ""))


def refusal(cluster: Cluster, *arguments: str, manifest: dict[str, Any] | None = None) -> str | None:
    """Run kubectl; return what it said when it was refused, None when it was not."""
    stdin = None if manifest is None else json.dumps(manifest)
    files = () if manifest is None else ("-f", "-")
    try:
        cluster.kubectl(*arguments, *files, stdin=stdin)
    except ClusterError as error:
        return error.message
    return None
