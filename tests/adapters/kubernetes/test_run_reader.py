"""Finished runs of a CronJob or of Jobs with labels, and what deletion leaves to be known of them."""

import asyncio
from datetime import UTC, datetime

import pytest

from backstop.adapters.kubernetes.run_reader import KubernetesRunReader, history_of_cron_job, history_of_jobs
from backstop.domain.alert_facts import RunFacts
from backstop.domain.alert_policy import Runs
from backstop.domain.errors import AccessDenied
from tests.adapters.kubernetes.canned import canned_client
from tests.cluster.settings import PAUSE_IMAGE

JOBS = "/apis/batch/v1/namespaces/shop/jobs"
CRON_JOBS = "/apis/batch/v1/namespaces/shop/cronjobs"
CREATED = 1_772_300_000.0
NOW = CREATED + 100_000

__all__ = ["canned_client"]


class FixedClock:
    def now(self):
        return datetime.fromtimestamp(NOW, UTC)


def stamp(seconds):
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def a_job(name, kind="Complete", *, at=CREATED + 100, owner="uid-1", ttl=None, status="True"):
    conditions = [{"type": "SuccessCriteriaMet", "status": "True", "lastTransitionTime": stamp(at - 1)}]
    conditions += [{"type": kind, "status": status, "lastTransitionTime": stamp(at)}] if kind else []
    return {
        "metadata": {
            "name": name,
            **({"ownerReferences": [{"kind": "CronJob", "name": "nightly", "uid": owner}]} if owner else {}),
        },
        "spec": {} if ttl is None else {"ttlSecondsAfterFinished": ttl},
        "status": {"conditions": conditions},
    }


def a_cron_job(*, last_success=None, ttl=None, **spec):
    return {
        "metadata": {"name": "nightly", "uid": "uid-1", "creationTimestamp": stamp(CREATED)},
        "spec": {"jobTemplate": {"spec": {} if ttl is None else {"ttlSecondsAfterFinished": ttl}}, **spec},
        "status": {} if last_success is None else {"lastSuccessfulTime": stamp(last_success)},
    }


def history(*jobs, now=NOW, **cron_job):
    return history_of_cron_job(a_cron_job(**cron_job), jobs, now=now)


async def test_the_runs_of_a_cron_job_are_the_jobs_that_it_owns(canned_client, httpserver):
    httpserver.expect_request(
        CRON_JOBS, query_string={"fieldSelector": "metadata.name=nightly", "limit": "500", "resourceVersion": "0"}
    ).respond_with_json({"items": [a_cron_job(last_success=CREATED + 300)]})
    httpserver.expect_request(JOBS).respond_with_json(
        {"items": [a_job("ours"), a_job("of-another", owner="uid-2"), a_job("of-nobody", owner=None)]}
    )
    found = await KubernetesRunReader(canned_client, clock=FixedClock()).read_runs("shop", Runs(cron_job="nightly"))
    assert found.runs == (RunFacts(name="ours", finished_at=CREATED + 100, succeeded=True),)
    assert (found.created_at, found.last_success_at, found.tells_last_success) == (CREATED, CREATED + 300, True)


async def test_jobs_are_selected_by_labels(canned_client, httpserver):
    httpserver.expect_request(
        JOBS, query_string={"labelSelector": "app=import", "limit": "500", "resourceVersion": "0"}
    ).respond_with_json({"items": [a_job("a", "Failed", owner=None)]})
    found = await KubernetesRunReader(canned_client, clock=FixedClock()).read_runs("shop", Runs(jobs={"app": "import"}))
    assert found.runs == (RunFacts(name="a", finished_at=CREATED + 100, succeeded=False),)
    assert not found.tells_last_success


@pytest.mark.parametrize("name", ["gone", "", "../x", "a,b=c", "UPPER"])
async def test_a_cron_job_that_does_not_exist_has_no_history(canned_client, httpserver, name):
    httpserver.expect_request(CRON_JOBS).respond_with_json({"items": []})
    reader = KubernetesRunReader(canned_client, clock=FixedClock())
    assert await reader.read_runs("shop", Runs(cron_job=name)) is None


async def test_a_missing_right_is_named_with_the_rule_to_grant(canned_client, httpserver):
    said = 'jobs.batch is forbidden: User "x" cannot list resource "jobs" in API group "batch" in the namespace "shop"'
    httpserver.expect_request(JOBS).respond_with_json({"message": said}, status=403)
    reader = KubernetesRunReader(canned_client, clock=FixedClock())
    with pytest.raises(AccessDenied, match=r'apiGroups: \["batch"\], resources: \["jobs"\], verbs: \["list"\]'):
        await reader.read_runs("shop", Runs(jobs={"app": "import"}))


@pytest.mark.parametrize(
    "job",
    [
        pytest.param(a_job("a", None), id="no condition yet"),
        pytest.param(a_job("a", "Suspended"), id="suspended"),
        pytest.param(a_job("a", "FailureTarget"), id="about to fail"),
        pytest.param(a_job("a", status="False"), id="a condition that is not so"),
        pytest.param({"metadata": {"name": "a"}, "status": None}, id="no status"),
        pytest.param({}, id="nothing"),
    ],
)
def test_a_run_that_goes_on_does_not_count(job):
    assert history_of_jobs([job], now=NOW).runs == ()


def test_a_run_ends_when_its_condition_was_set():
    runs = history(a_job("good", at=CREATED + 10), a_job("bad", "Failed", at=CREATED + 20)).runs
    assert runs == (
        RunFacts(name="good", finished_at=CREATED + 10, succeeded=True),
        RunFacts(name="bad", finished_at=CREATED + 20, succeeded=False),
    )


def test_a_cron_job_below_its_limits_has_lost_no_run():
    assert history(a_job("a", at=NOW - 50), a_job("b", at=NOW - 10)).complete_since == CREATED


def test_failed_runs_at_the_limit_may_have_pushed_out_older_ones():
    one = [a_job("bad", "Failed", at=NOW - 50)]
    assert history(*one).complete_since == NOW - 50
    assert history(*one, failedJobsHistoryLimit=2).complete_since == CREATED


def test_successful_runs_at_the_limit_may_have_pushed_out_older_ones():
    three = [a_job(str(age), at=NOW - age) for age in (30, 10, 20)]
    assert history(*three).complete_since == NOW - 30
    assert history(*three, successfulJobsHistoryLimit=4).complete_since == CREATED


@pytest.mark.parametrize("limit", ["failedJobsHistoryLimit", "successfulJobsHistoryLimit"])
def test_where_none_is_kept_only_the_present_is_known(limit):
    assert history(**{limit: 0}).complete_since == NOW


def test_runs_older_than_their_time_to_live_may_be_gone():
    assert history(ttl=600).complete_since == NOW - 600
    assert history(a_job("a", ttl=60)).complete_since == NOW - 60


def test_a_deleted_success_is_still_told_by_the_cron_job():
    told = history(last_success=NOW - 5000, ttl=60)
    assert (told.runs, told.last_success_at) == ((), NOW - 5000)


def test_a_cron_job_that_never_succeeded_says_so():
    never = history()
    assert (never.last_success_at, never.tells_last_success, never.created_at) == (None, True, CREATED)


@pytest.mark.parametrize(("spec", "suspended"), [({}, False), ({"suspend": False}, False), ({"suspend": True}, True)])
def test_a_suspended_cron_job_says_so(spec, suspended):
    assert history(**spec).suspended is suspended


def test_jobs_that_nobody_cleans_up_are_known_since_the_oldest():
    jobs = [a_job("a", at=NOW - 900, owner=None), a_job("b", at=NOW - 10, owner=None)]
    assert history_of_jobs(jobs, now=NOW).complete_since == NOW - 900


def test_jobs_with_an_owner_are_known_since_the_newest_and_those_with_a_time_to_live_for_so_long():
    owned = [a_job("a", at=NOW - 900), a_job("b", at=NOW - 10)]
    assert history_of_jobs(owned, now=NOW).complete_since == NOW - 10
    short = [a_job("a", at=NOW - 90, owner=None, ttl=60)]
    assert history_of_jobs(short, now=NOW).complete_since == NOW - 60


def test_without_any_job_nobody_can_tell():
    assert history_of_jobs([], now=NOW).complete_since is None


async def until_a_run_ended(reader, namespace, of):
    async with asyncio.timeout(60):
        while True:
            found = await reader.read_runs(namespace, of)
            if found.runs:
                return found
            await asyncio.sleep(0.2)


@pytest.mark.cluster
async def test_a_job_that_fails_on_a_real_cluster_is_a_run_of_its_cron_job(slo_cluster, client, namespace, clock):
    container = {"name": "backup", "image": PAUSE_IMAGE, "imagePullPolicy": "Never", "command": ["/does-not-exist"]}
    pod = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container]}
    job = {"backoffLimit": 0, "template": {"metadata": {"labels": {"app": "backup"}}, "spec": pod}}
    slo_cluster.apply(
        {
            "apiVersion": "batch/v1",
            "kind": "CronJob",
            "metadata": {"name": "nightly"},
            "spec": {
                "schedule": "0 2 * * *",
                "suspend": True,
                "failedJobsHistoryLimit": 2,
                "jobTemplate": {"metadata": {"labels": {"app": "backup"}}, "spec": job},
            },
        },
        namespace=namespace,
    )
    slo_cluster.kubectl("create", "job", "by-hand", "--from=cronjob/nightly", f"--namespace={namespace}")
    reader = KubernetesRunReader(client, clock=clock)
    found = await until_a_run_ended(reader, namespace, Runs(cron_job="nightly"))
    (run,) = found.runs
    assert (run.name, run.succeeded, found.suspended, found.last_success_at) == ("by-hand", False, True, None)
    assert found.created_at <= run.finished_at <= clock.now().timestamp() + 1
    assert found.complete_since == found.created_at
    assert (await reader.read_runs(namespace, Runs(jobs={"app": "backup"}))).runs == (run,)
    assert (await reader.read_runs(namespace, Runs(jobs={"app": "other"}))).runs == ()
