"""What `backstop replay -o json` and `backstop evaluate -o json` print, as JSON Schema.

The numbers are those of the status of an SLO, so their schema is made from that of the status: there is one
representation.
"""

from typing import Any, Final

from backstop.api.schema import Schema, structural_schema
from backstop.api.v1alpha1.slo_status import SLOStatus
from backstop.domain.alert_policy import Severity
from backstop.vocabulary import Condition, State

# Of the status, what speaks of an object in a cluster: a file has no generation, and `time` stands for evaluatedAt.
LEFT_OUT: Final = frozenset({"observedGeneration", "evaluatedAt", "conditions"})

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_ALWAYS: Final = ("state", "reason", "message", "windows", "scrapeInterval")


def replay_schema() -> Schema:
    """Return the schema of a line of `backstop replay -o json`."""
    return {
        "$schema": _DIALECT,
        "title": "A line of backstop replay -o json",
        "description": "A row has the numbers of one SLO at one moment; a change tells that a state moved, and an alert"
        " that one began to fire, or ended to.",
        "oneOf": [_row(), _change(), _alert()],
    }


def evaluation_schema() -> Schema:
    """Return the schema of what `backstop evaluate -o json` prints."""
    slo = _object(
        "What is known of one SLO.",
        {
            "slo": _slo(),
            "target": {"type": "number", "description": "The target in percent."},
            **_numbers(without="lastKnown"),  # one moment has none before it
            "conditions": {"type": "array", "description": "Conditions of the status, without their times.",
                           "items": _condition()},
        },
        required=("slo", "target", *_ALWAYS, "conditions"),
    )  # fmt: skip
    return {
        "$schema": _DIALECT,
        "title": "What backstop evaluate -o json prints",
        **_object(
            "What is known of SLOs at one moment.",
            {
                "time": {**_TIME, "description": "The moment."},
                "slos": {"type": "array", "description": "The SLOs, in the order of the files.", "items": slo},
            },
            required=("time", "slos"),
        ),
    }


def _row() -> Schema:
    return _object(
        "The numbers of one SLO at one moment, as the operator would have written them into its status.",
        {
            "type": {"const": "row", "type": "string", "description": "Always `row`."},
            "time": {**_TIME, "description": "The moment."},
            "slo": _slo(),
            **_numbers(),
        },
        required=("type", "time", "slo", *_ALWAYS),
    )


def _change() -> Schema:
    state = {"type": "string", "enum": [str(state) for state in State]}
    return _object(
        "The state of an SLO moved.",
        {
            "type": {"const": "change", "type": "string", "description": "Always `change`."},
            "time": {**_TIME, "description": "The end of the first slice with the new state."},
            "slo": _slo(),
            "from": {**state, "description": "The state before."},
            "to": {**state, "description": "The state from then on."},
            "reason": {"type": "string", "description": "Why, in one word; see the vocabulary."},
            "message": {"type": "string", "description": "Why, in words, with the numbers."},
        },
        required=("type", "time", "slo", "from", "to", "reason", "message"),
    )


def _alert() -> Schema:
    return _object(
        "An alert of a policy in the files began to fire, or ended to.",
        {
            "type": {"const": "alert", "type": "string", "description": "Always `alert`."},
            "time": {**_TIME, "description": "When."},
            "policy": {"type": "string", "description": "The AlertPolicy as `namespace/name`."},
            "rule": {"type": "string", "description": "The rule, or the tier of its preset. Example: fast-burn"},
            "severity": {"type": "string", "enum": [str(each) for each in Severity], "description": "How bad it is."},
            "slo": _slo(),
            "group": {"type": "object", "additionalProperties": {"type": "string"},
                      "description": "The labels of the group that it is about; absent for the SLO as a whole."},
            "fires": {"type": "boolean", "description": "True when it began to fire, false when it ended to."},
            "firstBad": {**_TIME, "description": "End of the first bad slice of what went on; absent when it ended."},
            "afterSeconds": {"type": "number", "description": "How long after that it fired, in seconds."},
            "reason": {"type": "string", "description": "Why, in one word; see the vocabulary. Example: Burning"},
            "message": {"type": "string", "description": "Why, in words, with the numbers."},
        },
        required=("type", "time", "policy", "rule", "severity", "slo", "fires", "reason", "message"),
    )  # fmt: skip


def _numbers(without: str = "") -> dict[str, Any]:
    status = structural_schema(SLOStatus)["properties"]
    return {name: _plain(field) for name, field in status.items() if name not in LEFT_OUT and name != without}


def _condition() -> Schema:
    fields = structural_schema(SLOStatus)["properties"]["conditions"]["items"]["properties"]
    kept = ("type", "status", "reason", "message")
    text = f"One of them; {Condition.CLOCK_SKEW} is not among them, as a replay has one clock."
    return _object(text, {name: _plain(fields[name]) for name in kept}, required=kept)


def _slo() -> Schema:
    return {"type": "string", "description": "The SLO as `namespace/name`."}


def _object(description: str, properties: dict[str, Any], *, required: tuple[str, ...]) -> Schema:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(required),
    }


def _plain(node: Schema) -> Schema:
    """Return a schema without what only the Kubernetes API server understands."""
    plain = {key: value for key, value in node.items() if not key.startswith("x-kubernetes-")}
    if "properties" in plain:
        plain["properties"] = {name: _plain(field) for name, field in plain["properties"].items()}
    for inside in ("items", "additionalProperties"):
        if isinstance(plain.get(inside), dict):
            plain[inside] = _plain(plain[inside])
    return plain
