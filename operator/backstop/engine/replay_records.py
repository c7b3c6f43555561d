"""What a replay found out, as plain data: the status that the operator would have written, and its changes of state."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from backstop.api.replay_schema import LEFT_OUT
from backstop.domain.assessment import Assessment
from backstop.domain.slo import Uid
from backstop.engine.conditions import rfc3339_of
from backstop.engine.replay_alerts import AlertChange
from backstop.engine.replay_states import StateChange
from backstop.engine.status import assessed_status
from backstop.vocabulary import Condition


class Recorder:
    """Writes records. It remembers the status of each SLO, so that `lastKnown` is what it would have been."""

    def __init__(self) -> None:
        self._status: dict[Uid, Mapping[str, Any]] = {}

    def row(self, assessment: Assessment) -> dict[str, Any]:
        """Return the record of one SLO at one moment."""
        status = self._status[assessment.slo.uid] = self._status_of(assessment)
        numbers = {name: value for name, value in status.items() if name not in LEFT_OUT}
        return {"type": "row", "time": rfc3339_of(assessment.at), "slo": assessment.slo.key, **numbers}

    def change(self, change: StateChange) -> dict[str, Any]:
        """Return the record of a change of state."""
        status = self._status_of(change.assessment)
        return {
            "type": "change",
            "time": rfc3339_of(change.assessment.at),
            "slo": change.assessment.slo.key,
            "from": str(change.before),
            "to": str(change.after),
            "reason": status["reason"],
            "message": status["message"],
        }

    def alert(self, change: AlertChange) -> dict[str, Any]:
        """Return the record of an alert that began to fire, or ended to."""
        alert = change.alert
        record: dict[str, Any] = {
            "type": "alert",
            "time": rfc3339_of(change.at),
            "policy": f"{alert.namespace}/{alert.policy}",
            "rule": alert.rule,
            "severity": str(alert.severity),
            "slo": f"{alert.namespace}/{alert.subject.name}",
            "fires": change.fires,
            "reason": str(alert.state.reason),
            "message": alert.state.message,
        }
        if alert.subject.group:
            record["group"] = dict(alert.subject.group)
        if change.began is not None:
            record["firstBad"] = rfc3339_of(change.began)
            record["afterSeconds"] = max(change.at - change.began, 0.0)
        return record

    def snapshot(self, assessment: Assessment) -> dict[str, Any]:
        """Return everything about one SLO at one moment: its row, its target, and its conditions without their times.

        The clocks agree by construction, so nothing is said of them.
        """
        row = self.row(assessment)
        conditions = [
            {name: condition[name] for name in ("type", "status", "reason", "message")}
            for condition in self._status[assessment.slo.uid]["conditions"]
            if condition["type"] != Condition.CLOCK_SKEW
        ]
        numbers = {name: value for name, value in row.items() if name not in ("type", "time", "slo")}
        target = float(assessment.slo.objective.target_percent)
        return {"slo": row["slo"], "target": target, **numbers, "conditions": conditions}

    def _status_of(self, assessment: Assessment) -> dict[str, Any]:
        return assessed_status(
            assessment,
            generation=assessment.slo.generation,
            previous=self._status.get(assessment.slo.uid),
            now=datetime.fromtimestamp(assessment.at, UTC),
        )
