"""Incidents and alert policies as the operator stores them."""

from typing import Any

from backstop.vocabulary import API_VERSION
from tests.cli.api_server import Object, at

HOSTILE = "\x1b]0;owned\x07\x1b[31m\u202egnp.exe\nnext\r\t"


def an_incident(name: str = "checkout-1a2b3c4d-1", namespace: str = "shop", **status: Any) -> Object:
    """Return an open incident of severity P0 that is 14 minutes old; `status` changes fields of its status."""
    usual: dict[str, Any] = {
        "state": "Open",
        "severity": "P0",
        "openedAt": at(-14),
        "startedAt": at(-16),
        "alerts": [an_alert("fast-burn", "P0"), an_alert("pool", "P1", subjectKind="Target", subject="db-1")],
        "alertCount": 2,
        "deadlines": [
            {"kind": "Resolve", "due": at(46)},
            {"kind": "Acknowledge", "due": at(-9), "missed": True},
            {"kind": "Update", "due": at(1)},
        ],
        "timeline": [
            {"at": at(-14), "kind": "Opened", "text": "fast-burn fires about SLO/checkout"},
            {"at": at(-9), "kind": "DeadlineMissed", "text": "nobody acknowledged within 5m"},
        ],
        "notifications": [
            {
                "id": "1",
                "channel": "oncall",
                "cause": "Opened",
                "sequence": 1,
                "createdAt": at(-14),
                "state": "Sent",
                "attempts": 1,
                "sentAt": at(-13),
            },
            {
                "id": "2",
                "channel": "team",
                "cause": "DeadlineMissed",
                "sequence": 2,
                "createdAt": at(-9),
                "state": "Pending",
                "attempts": 3,
                "nextAttemptAt": at(2),
                "error": "503 from the receiver",
            },
        ],
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "Incident",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": at(-14)},
        "spec": {"title": "checkout fails", "severity": "P0", "policy": "checkout", "service": "checkout"},
        "status": {key: value for key, value in (usual | status).items() if value is not None},
    }


def an_alert(rule: str, severity: str, **fields: Any) -> Object:
    """Return an alert that fires, as it stands in an incident and in the status of its policy."""
    usual = {
        "rule": rule,
        "severity": severity,
        "status": "Firing",
        "subjectKind": "SLO",
        "subject": "checkout",
        "since": at(-14),
        "reason": "Burning",
        "message": "burn rate 20.1 over 1h and 30.4 over 5m (limit 14.4)",
    }
    return usual | fields


def a_policy(name: str = "checkout", *alerts: Object, namespace: str = "shop", **status: Any) -> Object:
    """Return a policy of two rules; `status` changes fields of its status."""
    usual = {
        "state": "Firing" if alerts else "Quiet",
        "alerts": list(alerts),
        "alertCounts": {"firing": len(alerts), "pending": 0, "unknown": 0},
        "tiers": [
            {"name": "fast-burn", "slo": "checkout", "severity": "P0", "long": "1h", "short": "5m", "factor": 14.4},
            {
                "name": "fast-burn",
                "slo": "search",
                "severity": "P0",
                "refused": True,
                "message": "the window of 5d is shorter than 7d",
            },
        ],
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "AlertPolicy",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": at(-100)},
        "spec": {
            "slos": {"names": ["checkout"]},
            "rules": [
                {
                    "name": "fast-burn",
                    "severity": "P0",
                    "when": {"burnRate": {"long": "1h", "short": "5m", "budgetPercent": 2}},
                },
                {"name": "blind", "severity": "P1", "when": {"noData": {"for": "10m"}}},
            ],
        },
        "status": usual | status,
    }
