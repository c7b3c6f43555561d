import contextlib
from typing import get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from backstop.api.configuration import Configuration, ConfigurationError, LogLevel, parse_configuration
from tests.generators.configuration_reference import EXAMPLE

FULL = """
sources:
  - name: default
    url: http://prometheus.monitoring:9090/prefix/
    allowedNamespaces: [shop, "team-*"]
    timeout: 2500ms
    concurrency: 4
    ingestionDelay: 90s
    auth: {bearerTokenFile: /var/run/token}
    headers: {X-Scope-OrgID: team-a}
    headerFiles: {X-Api-Key: /var/run/key}
    enforceMatcher: {namespace: $namespace, cluster: eu}
  - name: mimir
    url: https://mimir.example
    auth: {basic: {username: me, passwordFile: /var/run/password}}
    tls: {caFile: /ca.pem, certFile: /cert.pem, keyFile: /key.pem}
watch: {namespaces: [shop]}
leaderElection: {enabled: false, leaseDuration: 30s, renewEvery: 10s}
status: {writesPerSecond: 10, heartbeat: 5m, minimumInterval: 30s}
checkpoint: {folder: /var/lib/backstop, sizeMebibytes: 1024}
web: {host: 127.0.0.1, port: 9000}
logging: {level: debug, format: console}
"""


def with_source(**fields: object) -> str:
    """Return a configuration that is right but for what the test changes; None removes a field."""
    source: dict[str, object] = {"name": "default", "url": "https://prometheus.example", **fields}
    return yaml.safe_dump({"sources": [{name: value for name, value in source.items() if value is not None}]})


def with_section(name: str, **fields: object) -> str:
    return yaml.safe_dump({"sources": [{"name": "default", "url": "http://prometheus"}], name: fields})


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse_configuration(text)
    return [str(problem) for problem in caught.value.problems]


def test_every_field_is_read():
    configuration = parse_configuration(FULL)
    default, mimir = configuration.sources
    assert default.url == "http://prometheus.monitoring:9090/prefix"
    assert default.timeout == 2.5
    assert default.concurrency == 4
    assert default.ingestion_delay == 90
    assert default.auth is not None
    assert default.auth.bearer_token_file == "/var/run/token"
    assert default.headers == {"X-Scope-OrgID": "team-a"}
    assert default.header_files == {"X-Api-Key": "/var/run/key"}
    assert mimir.auth is not None
    assert mimir.auth.basic is not None
    assert (mimir.auth.basic.username, mimir.auth.basic.password_file) == ("me", "/var/run/password")
    assert (mimir.tls.ca_file, mimir.tls.cert_file, mimir.tls.key_file) == ("/ca.pem", "/cert.pem", "/key.pem")
    assert configuration.watch.namespaces == ("shop",)
    election = configuration.leader_election
    assert (election.enabled, election.lease_duration, election.renew_every) == (False, 30.0, 10.0)
    status = configuration.status
    assert (status.writes_per_second, status.heartbeat, status.minimum_interval) == (10, 300.0, 30.0)
    assert (configuration.checkpoint.folder, configuration.checkpoint.size_mebibytes) == ("/var/lib/backstop", 1024)
    assert (configuration.web.host, configuration.web.port) == ("127.0.0.1", 9000)
    assert (configuration.logging.level, configuration.logging.format) == (LogLevel.DEBUG, "console")


def test_a_name_and_an_address_are_enough():
    configuration = parse_configuration("sources: [{name: default, url: http://prometheus:9090}]")
    (source,) = configuration.sources
    assert (source.timeout, source.concurrency, source.allowed_namespaces) == (10.0, 8, ("*",))
    assert source.ingestion_delay is None
    assert source.auth is None
    assert not source.tls.insecure_skip_verify
    assert configuration.leader_election.enabled
    assert (configuration.leader_election.lease_duration, configuration.leader_election.renew_every) == (15.0, 5.0)
    assert (configuration.status.heartbeat, configuration.status.minimum_interval) == (600.0, 60.0)
    assert (configuration.checkpoint.folder, configuration.checkpoint.size_mebibytes) == (None, 512)
    assert (configuration.web.port, configuration.logging.format) == (8080, "json")


def test_a_source_is_found_by_its_name():
    configuration = parse_configuration(FULL)
    assert configuration.source("mimir") is configuration.sources[1]
    assert configuration.source("elsewhere") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", ": the file is no mapping", id="an empty file"),
        pytest.param("[]", ": the file is no mapping", id="a list"),
        pytest.param("sources: [a]", "sources[0]: is no mapping of fields", id="a source that is text"),
        pytest.param("sources: []", "sources: is empty; name at least one Prometheus", id="no source"),
        pytest.param("a: b: c", "no valid YAML: mapping values are not allowed here (line 1, column 5)", id="no YAML"),
        pytest.param("\x00", "no valid YAML", id="no text"),
        pytest.param(
            "web: {}\nweb: {}\nsources: []", "the key 'web' is given twice (line 2, column 1)", id="a key twice"
        ),
        pytest.param("? [a]\n: b", "no valid YAML", id="a key that is no text"),
        pytest.param("? [a]: b\n: c", "no valid YAML", id="a key that is a list"),
        pytest.param(
            "sources: [{url: http://a}]", "sources[0].name: is required; add it", id="a source without a name"
        ),
        pytest.param("sources: [{name: a}]", "sources[0].url: is required; add it", id="a source without an address"),
        pytest.param(with_source(name="No Name"), "sources[0].name: 'No Name' is no name", id="a bad name"),
        pytest.param(
            with_source(colour="red"), "sources[0].colour: is no field of the configuration", id="a misspelt field"
        ),
        pytest.param(
            with_source(allowed_namespaces=["a"]), "sources[0].allowed_namespaces: is no field", id="Python's spelling"
        ),
        pytest.param(with_source(url="prometheus:9090"), "sources[0].url: is no http or https address", id="no scheme"),
        pytest.param(with_source(url="ftp://a"), "sources[0].url: is no http or https address", id="another scheme"),
        pytest.param(with_source(url="http://"), "sources[0].url: is no http or https address", id="no host"),
        pytest.param(with_source(url="http://a:b"), "sources[0].url: is no address", id="no port number"),
        pytest.param(with_source(url="http://a:0"), "sources[0].url: is no http or https address", id="port zero"),
        pytest.param(with_source(url="http://[a"), "sources[0].url: is no address", id="a broken IPv6 address"),
        pytest.param(with_source(url="http://a..b"), "sources[0].url: is no address", id="an empty label"),
        pytest.param(with_source(url=f"http://{'a' * 64}.b"), "sources[0].url: is no address", id="too long a label"),
        pytest.param(with_source(url="http://a b"), "sources[0].url: is no http or https address", id="a space"),
        pytest.param(with_source(url="http://a?b=c"), "sources[0].url: ends in a query or fragment", id="a query"),
        pytest.param(with_source(url="http://a#b"), "sources[0].url: ends in a query or fragment", id="a fragment"),
        pytest.param(
            with_source(timeout=10), "sources[0].timeout: 10 is not a duration; write it as 10s", id="no unit"
        ),
        pytest.param(with_source(timeout="soon"), "sources[0].timeout: 'soon' is not a duration", id="no duration"),
        pytest.param(with_source(timeout="0s"), "sources[0].timeout: input should be greater than", id="no time"),
        pytest.param(with_source(timeout="1h"), "sources[0].timeout: input should be less than", id="too much time"),
        pytest.param(
            with_source(ingestionDelay="2h"), "sources[0].ingestionDelay: input should be less", id="too late"
        ),
        pytest.param(with_source(concurrency=0), "sources[0].concurrency: input should be greater", id="no place"),
        pytest.param(with_source(concurrency=65), "sources[0].concurrency: input should be less", id="too many places"),
        pytest.param(
            with_source(allowedNamespaces=[]), "sources[0].allowedNamespaces: is empty, so nobody", id="nobody"
        ),
        pytest.param(
            with_source(allowedNamespaces=["a/b"]),
            "allowedNamespaces: 'a/b' is no namespace and no pattern",
            id="no pattern",
        ),
        pytest.param(
            with_source(auth={}), "sources[0].auth: set exactly one of bearerTokenFile and basic", id="no auth in auth"
        ),
        pytest.param(
            with_source(auth={"bearerTokenFile": "/a", "basic": {"username": "a", "passwordFile": "/b"}}),
            "sources[0].auth: set exactly one of bearerTokenFile and basic",
            id="two ways to log in",
        ),
        pytest.param(
            with_source(auth={"basic": {"username": "a"}}),
            "sources[0].auth.basic.passwordFile: is required",
            id="no password",
        ),
        pytest.param(
            with_source(tls={"certFile": "/a"}),
            "sources[0].tls: certFile and keyFile belong together",
            id="half a certificate",
        ),
        pytest.param(
            with_source(tls={"caFile": "/a", "insecureSkipVerify": True}),
            "sources[0].tls: caFile has no effect",
            id="a CA that is ignored",
        ),
        pytest.param(
            with_source(url="http://a", tls={"caFile": "/a"}),
            "sources[0]: tls has no effect on an http address",
            id="TLS over http",
        ),
        pytest.param(
            with_source(headers={"Authorization": "x"}),
            "headers: the header Authorization is a secret",
            id="a secret in headers",
        ),
        pytest.param(
            with_source(headers={"Host": "x"}),
            "headers: the header Host is set by Backstop itself",
            id="a header of ours",
        ),
        pytest.param(with_source(headers={"a b": "x"}), "headers: 'a b' is no header name", id="no header name"),
        pytest.param(
            with_source(headers={"X-A": "a\r\nX-B: b"}),
            "the value of header X-A is empty or has",
            id="a line break in a header",
        ),
        pytest.param(
            with_source(headers={"X-A": 1}),
            "sources[0].headers.X-A: input should be a valid string",
            id="a number as header",
        ),
        pytest.param(
            with_source(headers={"X-A": "a"}, headerFiles={"x-a": "/a"}),
            "sources[0]: the header x-a is set twice, by headers and headerFiles",
            id="a header twice",
        ),
        pytest.param(
            with_source(auth={"bearerTokenFile": "/a"}, headerFiles={"Authorization": "/b"}),
            "the header Authorization is set twice, by auth and headerFiles",
            id="two authorizations",
        ),
        pytest.param(
            with_source(enforceMatcher={"a-b": "x"}), "enforceMatcher: 'a-b' is no label name", id="no label name"
        ),
        pytest.param(
            with_source(enforceMatcher={"__name__": "x"}),
            "enforceMatcher: '__name__' is no label",
            id="the metric's name",
        ),
        pytest.param(
            with_source(enforceMatcher={"ns": "$ns"}),
            "the value of ns is neither `$namespace` nor",
            id="another placeholder",
        ),
        pytest.param(
            with_source(enforceMatcher={"ns": ""}), "the value of ns must have 1 to 256", id="an empty matcher"
        ),
        pytest.param(
            with_section("watch", namespaces=["team-*"]),
            "watch.namespaces: 'team-*' is no namespace; patterns",
            id="a pattern to watch",
        ),
        pytest.param(
            with_section("leaderElection", renewEvery="10s"),
            "leaderElection: renewEvery (10s) is more than a third",
            id="too rare renewals",
        ),
        pytest.param(with_section("checkpoint", folder=""), "checkpoint.folder: string should have", id="no folder"),
        pytest.param(
            with_section("checkpoint", sizeMebibytes=1), "checkpoint.sizeMebibytes: input should be", id="no room"
        ),
        pytest.param(
            with_section("status", minimumInterval="30m"),
            "status: minimumInterval is longer than heartbeat",
            id="interval over heartbeat",
        ),
        pytest.param(with_section("web", port=70000), "web.port: input should be less", id="no port"),
        pytest.param(
            with_section("logging", level="loud"), "logging.level: input should be 'debug', 'info'", id="no level"
        ),
        pytest.param(
            with_section("logging", format="xml"), "logging.format: input should be 'json' or 'console'", id="no format"
        ),
    ],
)
def test_a_wrong_configuration_names_path_and_fix(text, expected):
    (problem,) = problems(text)
    assert expected.removeprefix(": ") in problem


def test_all_problems_are_told_at_once():
    text = "sources: [{name: default, url: http://a, timeout: 1}, {name: X, url: http://b}]\nweb: {port: x}"
    assert [problem.split(":")[0] for problem in problems(text)] == [
        "sources[0].timeout",
        "sources[1].name",
        "web.port",
    ]


def test_two_sources_of_one_name_are_an_error():
    (problem,) = problems("sources: [{name: a, url: http://a}, {name: a, url: http://b}]")
    assert problem == "sources: the name 'a' is used 2 times; SLOs could not tell which is meant"


@pytest.mark.parametrize(
    "text",
    [
        with_source(url="https://me:hunter2@prometheus"),
        with_source(auth={"bearerToken": "hunter2"}),
        with_source(headers={"Cookie": "hunter2"}),
        with_source(headers={"X-Key": "hunter2\n"}),
        with_source(auth="hunter2"),
    ],
)
def test_a_misplaced_secret_is_not_repeated(text):
    with pytest.raises(ConfigurationError) as caught:
        parse_configuration(text)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value.__cause__)


@given(st.text())
def test_no_text_does_anything_worse_than_a_configuration_error(text):
    with contextlib.suppress(ConfigurationError):
        assert isinstance(parse_configuration(text), Configuration)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["sources", "name", "url", "auth", "basic", "tls", "headers", "watch", "web"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_no_structure_does_anything_worse_than_a_configuration_error(document):
    with contextlib.suppress(ConfigurationError):
        assert isinstance(parse_configuration(yaml.safe_dump(document)), Configuration)


def models(model):
    yield model
    for field in model.model_fields.values():
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from models(part)


def test_every_field_says_what_it_means():
    fields = [(model, name, field) for model in models(Configuration) for name, field in model.model_fields.items()]
    assert len(fields) > 30
    assert [f"{model.__name__}.{name}" for model, name, field in fields if not field.description] == []


def test_the_example_of_the_reference_is_right():
    assert parse_configuration(EXAMPLE).source("mimir") is not None
