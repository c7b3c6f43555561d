"""SLOs in files, as commands without a cluster evaluate them, with maintenance windows and alert policies."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from backstop.api.review import Outcome, Remark, Review
from backstop.api.to_alert_policy import to_alert_policy
from backstop.api.to_domain import to_domain
from backstop.api.to_maintenance import to_maintenance
from backstop.cli.errors import CannotRun
from backstop.cli.remarks import echo, print_remarks, reviews_of
from backstop.domain.alert_policy import AlertPolicy
from backstop.domain.composite import ComponentRefused, resolve
from backstop.domain.errors import SpecError
from backstop.domain.interval import Interval
from backstop.domain.maintenance import MaintenanceWindow, exclusions_of
from backstop.domain.slo import SLO, Uid

_NAMESPACE: Final = "default"  # of objects that name none, as for kubectl
_CREATED: Final = "2000-01-01T00:00:00Z"  # a schedule without a start has always been in force

_Found = SLO | SpecError


@dataclass(frozen=True, slots=True, kw_only=True)
class SloFiles:
    """What the files hold."""

    slos: tuple[SLO, ...]
    windows: tuple[MaintenanceWindow, ...]
    policies: tuple[AlertPolicy, ...]
    refused: int  # objects with problems, which were told

    def exclusions(self, start: float, end: float) -> dict[Uid, tuple[Interval, ...]]:
        """Return the time that no budget counts in a replay from `start` to `end`, and in the history before it."""
        return {
            slo.uid: exclusions_of(slo, self.windows, start - max(w.history_seconds for w in slo.windows), end)
            for slo in self.slos
        }


def read_slos(names: Sequence[str]) -> SloFiles:
    """Read SLOs, and print the problems of those that are refused on standard error.

    Raises CannotRun when a file cannot be read, or no SLO is left.
    """
    reviews = list(reviews_of(names, now=None))  # a replay may be of any time
    for review in reviews:
        print_remarks(review, err=True)
    refused = sum(review.outcome is Outcome.INVALID for review in reviews)
    ours = [(review, _as_in_a_cluster(review)) for review in reviews if review.outcome is not Outcome.SKIPPED]
    found: dict[tuple[str, str], _Found] = {
        _identity(body): to_domain(body) if review.outcome is Outcome.VALID else _problem_of(review)
        for review, body in ours
        if review.kind == "SLO"
    }
    slos = []
    for review, body in ours:
        if isinstance(slo := found.get(_identity(body)), SLO) and review.kind == "SLO":
            try:
                slos.append(resolve(slo, lambda namespace, name: found.get((namespace, name))))
            except ComponentRefused as problem:
                refused += 1
                remark = Remark(path=problem.path, text=problem.problem, place=review.place)
                print_remarks(replace(review, problems=(remark,), warnings=()), err=True)
    if not slos:
        raise CannotRun("every SLO in the files is refused" if refused else "no SLO is in the files that -f names")
    windows = [
        to_maintenance(body)
        for review, body in ours
        if review.outcome is Outcome.VALID and review.kind == "MaintenanceWindow"
    ]
    policies = [
        to_alert_policy(body)
        for review, body in ours
        if review.outcome is Outcome.VALID and review.kind == "AlertPolicy"
    ]
    return SloFiles(slos=tuple(slos), windows=tuple(windows), policies=tuple(policies), refused=refused)


def finish(files: SloFiles, faults: Mapping[str, str]) -> None:
    """Tell what went wrong with some of the SLOs, and end the command with 1 if anything did."""
    for slo, fault in faults.items():
        echo(f"Error: Backstop failed on SLO {slo} ({fault}); that is a defect of Backstop", err=True)
    if files.refused or faults:
        sys.exit(1)


def _problem_of(review: Review) -> SpecError:
    first = review.problems[0]
    return SpecError(first.path, first.text)


def _identity(body: Mapping[str, Any]) -> tuple[str, str]:
    return body["metadata"]["namespace"], body["metadata"]["name"]


def _as_in_a_cluster(review: Review) -> dict[str, Any]:
    """Return an object with what an API server adds, as far as it lacks that."""
    body: Mapping[str, Any] = review.body if isinstance(review.body, Mapping) else {}
    metadata = body["metadata"] if isinstance(body.get("metadata"), Mapping) else {}
    namespace, name = review.namespace or _NAMESPACE, review.name
    added = {"uid": f"{review.kind}/{namespace}/{name}", "generation": 1, "creationTimestamp": _CREATED}
    given = {key: value for key, value in metadata.items() if value is not None}  # creationTimestamp: null for one
    return {**body, "metadata": added | given | {"namespace": namespace, "name": name}}
