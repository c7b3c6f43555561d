"""What the chart writes is what the operator reads: the same file, and every file it names is mounted."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from backstop.api.configuration import Configuration, Source, parse_configuration
from tests.chart.matrix import EVERYTHING
from tests.chart.render import Object, only, render, workload


def configuration(objects: list[Object]) -> Configuration:
    return parse_configuration(only(objects, "ConfigMap")["data"]["config.yaml"])


def mounted_files(objects: list[Object]) -> dict[str, tuple[str, str]]:
    """Return path in the container -> (Secret or ConfigMap, key) of everything projected."""
    pod = workload(objects)["spec"]["template"]["spec"]
    mounts = {m["name"]: m["mountPath"] for m in pod["containers"][0]["volumeMounts"]}
    return {
        f"{mounts[volume['name']]}/{item['path']}": (source["name"], item["key"])
        for volume in pod["volumes"]
        for projection in volume.get("projected", {}).get("sources", [])
        for source in projection.values()
        for item in source["items"]
    }


def named_files(source: Source) -> Iterator[str]:
    if source.auth:
        yield from filter(None, [source.auth.bearer_token_file])
        yield from [source.auth.basic.password_file] if source.auth.basic else []
    yield from filter(None, [source.tls.ca_file, source.tls.cert_file, source.tls.key_file])
    yield from source.header_files.values()


def test_the_operator_accepts_what_the_chart_writes(objects: list[Object]):
    assert configuration(objects).sources


def test_the_defaults_of_chart_and_operator_are_the_same_but_for_what_only_a_pod_has():
    rendered = configuration(render())
    defaults = parse_configuration(
        "{sources: [{name: default, url: 'http://prometheus.monitoring:9090'}], "
        "checkpoint: {folder: /var/lib/backstop}, "
        "admission: {enabled: true, names: [backstop-webhook.backstop-system.svc]}}"
    )
    assert rendered == defaults


def test_every_value_reaches_the_operator():
    given = configuration(render(EVERYTHING))
    assert given.watch.namespaces == ("shop", "team-a")
    assert (given.leader_election.lease_duration, given.leader_election.renew_every) == (30, 10)
    assert (given.status.writes_per_second, given.status.heartbeat, given.status.minimum_interval) == (10, 300, 30)
    assert given.checkpoint.size_mebibytes == 1024
    assert (given.web.port, given.logging.level, given.logging.format) == (9000, "debug", "console")
    default, tenants, plain = given.sources
    assert (default.timeout, default.concurrency) == (5, 4)
    assert tenants.allowed_namespaces == ("shop", "team-*")
    assert tenants.headers == {"X-Source": "backstop"}
    assert tenants.enforce_matcher == {"namespace": "$namespace"}
    assert tenants.auth.basic.username == "backstop"
    assert (plain.auth, plain.allowed_namespaces) == (None, ("*",))


def test_every_file_that_a_source_names_comes_from_its_secret():
    objects = render(EVERYTHING)
    files = mounted_files(objects)
    assert files == {
        "/etc/backstop-sources/default/bearer-token": ("prometheus", "token"),
        "/etc/backstop-sources/default/ca.crt": ("authorities", "ca.crt"),
        "/etc/backstop-sources/tenants/password": ("mimir", "password"),
        "/etc/backstop-sources/tenants/ca.crt": ("mimir", "ca.crt"),
        "/etc/backstop-sources/tenants/tls.crt": ("mimir-client", "tls.crt"),
        "/etc/backstop-sources/tenants/tls.key": ("mimir-client", "tls.key"),
        "/etc/backstop-sources/tenants/header-x-scope-orgid": ("mimir", "tenant"),
    }
    named = {file for source in configuration(objects).sources for file in named_files(source)}
    assert named == files.keys()


def test_no_volume_is_mounted_in_a_way_that_hides_a_rotated_secret():
    pod = only(render(EVERYTHING), "Deployment")["spec"]["template"]["spec"]
    assert not [mount for mount in pod["containers"][0]["volumeMounts"] if "subPath" in mount]


def test_a_changed_configuration_does_not_restart_the_pods():
    def template(values: dict[str, Any]) -> str:
        return yaml.safe_dump(only(render(values), "Deployment")["spec"]["template"])

    assert template({"logging": {"level": "debug"}}) == template({})
    assert template({"status": {"heartbeat": "20m"}}) == template({})


@pytest.mark.parametrize("name", ["BACKSTOP_CONFIG"])
def test_the_operator_is_told_where_the_file_is(name: str):
    container = only(render(), "Deployment")["spec"]["template"]["spec"]["containers"][0]
    (value,) = [e["value"] for e in container["env"] if e["name"] == name]
    folder, file = value.rsplit("/", 1)
    assert {"name": "config", "mountPath": folder, "readOnly": True} in container["volumeMounts"]
    assert file in only(render(), "ConfigMap")["data"]
