"""Selectors of workloads as the query parameter labelSelector."""

from collections.abc import Iterable, Mapping
from typing import Any


def label_selector(labels: Mapping[str, str], expressions: Iterable[Mapping[str, Any]] = ()) -> str:
    """Return the text form of matchLabels and matchExpressions; empty for an empty selector.

    Raises nothing: an operator that Kubernetes adds later gives a text which the server refuses with its own words.
    """
    parts = [f"{key}={value}" for key, value in sorted(labels.items())]
    for expression in expressions:
        key, operator = expression.get("key"), expression.get("operator")
        values = ",".join(expression.get("values") or ())
        match operator:
            case "Exists":
                parts.append(f"{key}")
            case "DoesNotExist":
                parts.append(f"!{key}")
            case "In":
                parts.append(f"{key} in ({values})")
            case "NotIn":
                parts.append(f"{key} notin ({values})")
            case _:
                parts.append(f"{key} {operator} ({values})")
    return ",".join(parts)
