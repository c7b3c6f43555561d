"""manifests/install/backstop.yaml: the chart with its defaults, for people who install with kubectl alone."""

from collections.abc import Iterator
from typing import Any

import yaml

from tests.chart.render import RELEASE, render
from tests.generators.registry import Files, Generator

PATH = "manifests/install/backstop.yaml"
HEADER = """\
# Generated from charts/backstop with its default values by `make crds`; edit those.
# kubectl apply --server-side -f manifests/install/backstop.yaml
# Then name your Prometheus in the ConfigMap `backstop`: the operator reloads it.
"""
NAMESPACE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": RELEASE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
}
OF_HELM = ("app.kubernetes.io/managed-by", "helm.sh/chart", "helm.sh/resource-policy")


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, which people can edit."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def make() -> Files:
    objects = [NAMESPACE, *(_without_helm(item) for item in _in_order(render()))]
    text = yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, width=118, explicit_start=True)
    return {PATH: HEADER + text}


def _in_order(objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Definitions first, so that one `kubectl apply` can use what it defines."""
    yield from sorted(objects, key=lambda item: item["kind"] != "CustomResourceDefinition")


def _without_helm(value: Any) -> Any:
    """Return the object without the marks that say Helm manages it, at any depth (pods carry the labels, too)."""
    if isinstance(value, dict):
        return {
            key: _without_helm(child)
            for key, child in value.items()
            if key not in OF_HELM and not (key == "annotations" and not set(child) - set(OF_HELM))
        }
    return [_without_helm(child) for child in value] if isinstance(value, list) else value


INSTALL_MANIFEST = Generator(make=make, owns=("manifests/install/*.yaml",))
