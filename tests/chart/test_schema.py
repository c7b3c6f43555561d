"""A wrong value is refused before anything is installed, with a sentence that names it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.chart.render import CHART, RenderError, render

SOURCE = {"name": "default", "url": "https://prometheus.example"}
REFERENCE = {"name": "prometheus", "key": "token"}


def a_source(**changes: Any) -> dict[str, Any]:
    return {"sources": [SOURCE | changes]}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"replica": 2}, "replica is not allowed", id="an unknown value"),
        pytest.param({"image": {"tags": "1"}}, "tags is not allowed", id="an unknown value further down"),
        pytest.param({"replicas": 0}, "replicas: Must be greater than or equal to 1", id="no replica"),
        pytest.param({"replicas": "2"}, "replicas: Invalid type", id="text for a number"),
        pytest.param({"image": {"digest": "latest"}}, "image.digest: Does not match pattern", id="no digest"),
        pytest.param({"sources": []}, "sources: Array must have at least 1 items", id="no source"),
        pytest.param({"sources": [{"name": "default"}]}, "url is required", id="a source without an address"),
        pytest.param(a_source(url="prometheus:9090"), "url: Does not match pattern", id="an address without scheme"),
        pytest.param(a_source(url="http://me:secret@host"), "url: Does not match pattern", id="a password in the url"),
        pytest.param(a_source(name="Default"), "name: Does not match pattern", id="a name that is no label"),
        pytest.param(a_source(timeout="10"), "timeout: Does not match pattern", id="a duration without unit"),
        pytest.param(a_source(concurrency=0), "concurrency: Must be greater", id="no query at a time"),
        pytest.param(a_source(allowedNamespaces=[]), "allowedNamespaces: Array must", id="a source for nobody"),
        pytest.param(a_source(bearerToken="secret"), "bearerToken is not allowed", id="a secret in the values"),
        pytest.param(
            a_source(auth={"bearerTokenSecret": REFERENCE, "basicSecret": REFERENCE | {"username": "me"}}),
            "auth: Must have at most 1 properties",
            id="two ways to log in",
        ),
        pytest.param(
            a_source(auth={"bearerTokenSecret": {"name": "prometheus"}}), "key is required", id="a Secret without key"
        ),
        pytest.param({"leaderElection": {"leaseDuration": 15}}, "leaseDuration: Invalid type", id="seconds as number"),
        pytest.param({"logging": {"level": "verbose"}}, "logging.level: logging.level must be", id="an unknown level"),
        pytest.param({"web": {"port": 80}}, "web.port: Must be greater than or equal to 1024", id="a root's port"),
    ],
)
def test_the_schema_refuses(values: dict[str, Any], message: str):
    with pytest.raises(RenderError) as refusal:
        render(values)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"sources": [SOURCE, SOURCE]}, 'the name "default" is used twice', id="two sources of one name"),
        pytest.param(
            a_source(tls={"caSecret": REFERENCE, "caConfigMap": REFERENCE}),
            "sources[default].tls: set caSecret or caConfigMap, not both",
            id="two authorities",
        ),
        pytest.param(
            a_source(tls={"caSecret": REFERENCE, "insecureSkipVerify": True}),
            "insecureSkipVerify ignores the given CA",
            id="an authority that nobody asks",
        ),
        pytest.param(
            a_source(url="http://prometheus.example", tls={"caSecret": REFERENCE}),
            "sources[default].tls: has no effect on an http address",
            id="certificates without https",
        ),
        pytest.param(
            a_source(headers={"X-Tenant": "a"}, headerSecrets={"X-Tenant": REFERENCE}),
            "the header X-Tenant is given twice",
            id="a header given twice",
        ),
        pytest.param(
            {"metrics": {"serviceMonitor": {"enabled": True}}},
            "would scrape every pod twice",
            id="two ways to be scraped",
        ),
        pytest.param(
            {"metrics": {"annotations": False, "service": False, "serviceMonitor": {"enabled": True}}},
            "needs metrics.service",
            id="a monitor without a Service",
        ),
        pytest.param(
            {"replicas": 2, "leaderElection": {"enabled": False}},
            "without an election every pod would write",
            id="several writers",
        ),
        pytest.param({"serviceAccount": {"create": False}}, "serviceAccount.name must name", id="no account at all"),
    ],
)
def test_the_templates_refuse_what_no_schema_can_say(values: dict[str, Any], message: str):
    with pytest.raises(RenderError) as refusal:
        render(values)
    assert message in str(refusal.value)


def _objects(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if schema.get("type") == "object":
        yield path, schema
    for name, child in (schema.get("properties", {}) | schema.get("definitions", {})).items():
        yield from _objects(child, f"{path}.{name}" if path else name)
    if "items" in schema:
        yield from _objects(schema["items"], f"{path}[]")


def test_every_object_of_ours_names_all_its_fields():
    schema = json.loads((CHART / "values.schema.json").read_text())
    named = {path: o for path, o in _objects(schema) if "properties" in o}
    assert "" in named
    assert "sources[].tls" in named
    assert not [path for path, o in named.items() if o["additionalProperties"] is not False]


def test_schema_and_values_have_the_same_fields():
    def leaves(
        values: dict[str, Any], schema: dict[str, Any], path: str = ""
    ) -> Iterator[tuple[str, set[str], set[str]]]:
        properties = schema.get("properties", {})
        yield path, set(values), set(properties) - {"global"}
        for name, value in values.items():
            if isinstance(value, dict) and "properties" in properties[name] and path + name != "resources":
                yield from leaves(value, properties[name], f"{path}{name}.")

    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert [(path, left ^ right) for path, left, right in leaves(values, schema) if left != right] == []
