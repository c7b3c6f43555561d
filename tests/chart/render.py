"""Rendering the chart as `helm template` does, parsed strictly."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.paths import REPOSITORY

CHART = REPOSITORY / "charts" / "backstop"
HELM = Path(sys.executable).parent / "helm"
RELEASE = "backstop-system"

Object = dict[str, Any]


class RenderError(Exception):
    """helm refused the values; the message is what a user would read."""


class StrictLoader(yaml.SafeLoader):
    """Refuses a key given twice: one of the two values would vanish without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002  the base class's signature
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(set(keys)) != len(keys):
            raise yaml.YAMLError(f"a key is given twice in {keys}, {node.start_mark}")
        return super().construct_mapping(node, deep=deep)


# Helm writes 1e-06, a number to Kubernetes and to YAML 1.2; PyYAML would take it for text.
StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def render_text(
    values: Mapping[str, Any] | None = None, *, chart: Path = CHART, flags: Iterable[str] = (), release: str = RELEASE
) -> str:
    """Return what `helm template` prints. Raises RenderError."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(dict(values or {}), file)
        file.flush()
        command = [HELM, "template", release, chart, "--namespace", RELEASE, "--values", file.name, *flags]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RenderError(done.stderr.strip())
    return done.stdout


def render(values: Mapping[str, Any] | None = None, **options: Any) -> list[Object]:
    """Return the objects of a release with these values, those that Helm installs."""
    documents = yaml.load_all(render_text(values, **options), StrictLoader)
    return [document for document in documents if document]


def only(objects: Iterable[Object], kind: str, name: str | None = None) -> Object:
    """Return the one object of that kind (and name)."""
    (found,) = (o for o in objects if o["kind"] == kind and name in {None, o["metadata"]["name"]})
    return found


def workload(objects: Iterable[Object]) -> Object:
    """Return the object that makes the pods."""
    (found,) = of_kind(objects, "Deployment", "StatefulSet")
    return found


def of_kind(objects: Iterable[Object], *kinds: str) -> list[Object]:
    return [o for o in objects if o["kind"] in kinds]
