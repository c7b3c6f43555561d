"""`backstop validate` as tests call it, and SLOs in files."""

from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from backstop.cli.validate import command

GOOD = """\
apiVersion: backstop.dev/v1alpha1
kind: SLO
metadata: {name: checkout, namespace: shop}
spec:
  target: 99.9
  indicator:
    ratio: {bad: errors_total, total: requests_total}
"""
BAD = """\
# an SLO with two mistakes
apiVersion: backstop.dev/v1alpha1
kind: SLO
metadata:
  name: search
spec:
  target: 100
  windows:
    - name: 30d
      rolling: 30d
    - name: week
      rolling: 1 week
  indicator:
    ratio: {bad: errors_total, total: requests_total}
"""


def validate(*arguments: str | Path, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], input=stdin)


def an_slo(name: str, *components: str, namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    """Return an SLO, a composite if it has components."""
    ratio = {"ratio": {"bad": "errors_total", "total": "requests_total"}}
    composite = {"composite": {"components": [{"slo": component} for component in components]}}
    return {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": "SLO",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"target": 99, "indicator": composite if components else ratio} | spec,
    }


def validated(*objects: dict[str, Any]) -> tuple[int, list[str]]:
    """Return the exit code, and the lines of problems and warnings with their places."""
    result = validate("-f", "-", stdin=yaml.safe_dump_all(objects, sort_keys=False))
    return result.exit_code, result.stdout.splitlines()[:-1]
