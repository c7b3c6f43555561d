"""Reads the finished Jobs of a CronJob, or those with some labels: one or two LISTs, no cache, no watch.

Finished Jobs do not stay: a CronJob keeps three that succeeded and one that failed unless told otherwise, and
`ttlSecondsAfterFinished` deletes each Job some time after its end. So beside the Jobs that are left it is told since
when none can be missing, and the CronJob's own `status.lastSuccessfulTime`, which outlives them.
https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#jobs-history-limits
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from backstop.adapters.kubernetes.bounded_list import list_bounded
from backstop.adapters.kubernetes.calls import CRON_JOBS, JOBS
from backstop.adapters.kubernetes.client import KubernetesClient
from backstop.adapters.kubernetes.instants import unix_seconds
from backstop.adapters.kubernetes.selectors import label_selector
from backstop.domain.alert_facts import RunFacts, RunHistory
from backstop.domain.alert_policy import Runs
from backstop.ports.clock import Clock

_SUCCEEDED: Final = {"Complete": True, "Failed": False}  # terminal conditions of a Job
_KEPT_SUCCEEDED: Final = 3  # of a CronJob that does not say
_KEPT_FAILED: Final = 1
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class _Ended:
    run: RunFacts
    ttl_seconds: float | None  # after its end it is deleted; None: it stays
    owned: bool  # by somebody who keeps only the newest ones


class KubernetesRunReader:
    """ports.facts.RunReader."""

    def __init__(self, client: KubernetesClient, *, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def read_runs(self, namespace: str, of: Runs) -> RunHistory | None:
        """See the port for the contract."""
        if of.cron_job is not None:
            return await self._of_cron_job(namespace, of.cron_job)
        found = await list_bounded(self._client, JOBS, namespace=namespace, selector=label_selector(of.jobs or {}))
        return history_of_jobs(found, now=self._clock.now().timestamp())

    async def _of_cron_job(self, namespace: str, name: str) -> RunHistory | None:
        if not _NAME.fullmatch(name):
            return None
        # A LIST of one, like that of the Jobs: one verb is enough.
        named = await list_bounded(self._client, CRON_JOBS, namespace=namespace, name=name)
        if not named:
            return None
        # No label of a Job tells its CronJob, and field selectors know no owners: all Jobs of the namespace are read.
        jobs = await list_bounded(self._client, JOBS, namespace=namespace)
        return history_of_cron_job(named[0], jobs, now=self._clock.now().timestamp())


def history_of_cron_job(cron_job: Mapping[str, Any], jobs: Iterable[Mapping[str, Any]], *, now: float) -> RunHistory:
    """Return the runs of a CronJob: those of `jobs` that it owns, by uid. `now` is in unix seconds."""
    spec, status, uid = cron_job.get("spec") or {}, cron_job.get("status") or {}, _metadata(cron_job).get("uid")
    ended = [end for job in jobs if uid in _owners(job) and (end := _ended(job)) is not None]
    template = ((spec.get("jobTemplate") or {}).get("spec") or {}).get("ttlSecondsAfterFinished")
    created_at = unix_seconds(_metadata(cron_job).get("creationTimestamp"))
    since = [
        created_at or 0.0,
        *_after_deletion_by_age(ended, now=now, ttl_seconds=template),
        *_after_deletion_by_number(ended, succeeded=True, kept=spec.get("successfulJobsHistoryLimit", _KEPT_SUCCEEDED)),
        *_after_deletion_by_number(ended, succeeded=False, kept=spec.get("failedJobsHistoryLimit", _KEPT_FAILED)),
    ]
    return RunHistory(
        runs=tuple(end.run for end in ended),
        complete_since=min(max(since), now),
        created_at=created_at,
        last_success_at=unix_seconds(status.get("lastSuccessfulTime")),
        tells_last_success=True,
        suspended=bool(spec.get("suspend")),
    )


def history_of_jobs(jobs: Iterable[Mapping[str, Any]], *, now: float) -> RunHistory:
    """Return the runs of Jobs that share labels. Where none is left nobody can tell what there was."""
    ended = [end for job in jobs if (end := _ended(job)) is not None]
    owned = [end.run.finished_at for end in ended if end.owned]
    oldest = [end.run.finished_at for end in ended]
    since = [
        *([min(oldest)] if oldest else []),
        *_after_deletion_by_age(ended, now=now, ttl_seconds=None),
        # Whoever owns them keeps the newest of each outcome. How many is not known here, so the newest is what is sure.
        *([max(owned)] if owned else []),
    ]
    return RunHistory(runs=tuple(end.run for end in ended), complete_since=min(max(since), now) if since else None)


def _after_deletion_by_age(ended: Sequence[_Ended], *, now: float, ttl_seconds: float | None) -> list[float]:
    """Return since when no run is missing for its age. `ttl_seconds` is what new Jobs get."""
    told = [end.ttl_seconds for end in ended if end.ttl_seconds is not None]
    limits = told + ([float(ttl_seconds)] if ttl_seconds is not None else [])
    return [now - min(limits)] if limits else []


def _after_deletion_by_number(ended: Sequence[_Ended], *, succeeded: bool, kept: int) -> list[float]:
    """Return since when no run of this outcome is missing for the limit of a CronJob; nothing while it is not reached.

    With a limit of 0 none is ever kept, and no moment is safe.
    """
    times = sorted(end.run.finished_at for end in ended if end.run.succeeded is succeeded)
    if kept <= 0:
        return [float("inf")]
    return [times[-kept]] if len(times) >= kept else []


def _ended(job: Mapping[str, Any]) -> _Ended | None:
    """Return how a Job came to its end; None while it has not, and for one that does not say when."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        succeeded = _SUCCEEDED.get(condition.get("type"))
        if succeeded is None or condition.get("status") != "True":
            continue
        finished_at = unix_seconds(condition.get("lastTransitionTime"))
        if finished_at is None:
            return None
        ttl = (job.get("spec") or {}).get("ttlSecondsAfterFinished")
        name = _metadata(job).get("name", "")
        run = RunFacts(name=name, finished_at=finished_at, succeeded=succeeded)
        return _Ended(run, float(ttl) if ttl is not None else None, owned=bool(_owners(job)))
    return None


def _owners(job: Mapping[str, Any]) -> list[str]:
    return [each.get("uid") for each in _metadata(job).get("ownerReferences") or ()]


def _metadata(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return body.get("metadata") or {}
