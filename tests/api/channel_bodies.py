"""NotificationChannels as people write them, for the tests of the API."""

from typing import Any

URL = "https://hooks.example.com/incidents"


def channel_body(*, webhook: Any = None, **spec: Any) -> dict[str, Any]:
    """Return a valid NotificationChannel; `webhook` replaces fields of its webhook, `...` removes one."""
    given = {"url": URL, "secretRef": {"name": "incident-webhook", "key": "signing-key"}}
    merged = {"webhook": {k: v for k, v in (given | (webhook or {})).items() if v is not ...}} | spec
    return {
        "apiVersion": "backstop.dev/v1alpha1",
        "kind": "NotificationChannel",
        "metadata": {"name": "oncall", "namespace": "shop", "uid": "uid-oncall", "generation": 3},
        "spec": {key: value for key, value in merged.items() if value is not ...},
    }


def at(url: str) -> dict[str, Any]:
    return channel_body(webhook={"url": url})


ACCEPTED: dict[str, dict[str, Any]] = {
    "the least": channel_body(),
    "everything": channel_body(
        webhook={"headers": {"Team": "shop", "X-Route": "a=b;c"}, "timeout": "30s"}, description="On-call"
    ),
    "a port": at("https://hooks.example.com:8443/incidents"),
    "a query": at("https://hooks.example.com/incidents?team=shop&x=%20"),
    "no path": at("https://hooks.example.com"),
    "http, which only an administrator can judge": at("http://receiver.shop.svc:8080/"),
    "an IPv4 address, which only an administrator can judge": at("https://192.0.2.7/"),
    "upper case": at("https://Hooks.Example.com/"),
}

# Refused by the schema and its rules as well as by us: body, path, and words of the message.
REFUSED_BY_THE_SCHEMA: dict[str, tuple[dict[str, Any], str, str]] = {
    "nothing": (channel_body(webhook=None) | {"spec": {}}, "spec", "exactly one of webhook, slack"),
    "two kinds": (channel_body(slack={}), "spec", "exactly one of webhook, slack"),
    "no url": (channel_body(webhook={"url": ...}), "spec.webhook.url", "is missing"),
    "no key": (channel_body(webhook={"secretRef": ...}), "spec.webhook.secretRef", "is missing"),
    "a key without a name": (
        channel_body(webhook={"secretRef": {"key": "a"}}), "spec.webhook.secretRef.name", "is missing",
    ),
    "a timeout of an hour": (channel_body(webhook={"timeout": "1h"}), "spec.webhook.timeout", "from 1s to 30s"),
    "another scheme": (at("ftp://hooks.example.com/"), "spec.webhook.url", "does not match"),
    "a user": (at("https://user:password@hooks.example.com/"), "spec.webhook.url", "does not match"),
    "a backslash": (at("https://hooks.example.com\\@evil.example/"), "spec.webhook.url", "does not match"),
    "a fragment": (at("https://hooks.example.com/#a"), "spec.webhook.url", "does not match"),
    "a space": (at("https://hooks.example.com/a b"), "spec.webhook.url", "does not match"),
    "a line break": (at("https://hooks.example.com/\n"), "spec.webhook.url", "does not match"),
    "an IPv6 address": (at("https://[::1]/"), "spec.webhook.url", "does not match"),
    "another alphabet": (at("https://höoks.example.com/"), "spec.webhook.url", "does not match"),
    "no host": (at("https:///incidents"), "spec.webhook.url", "does not match"),
}  # fmt: skip

# The schema lets these through: they are refused when they are stored.
REFUSED_BY_CONDITION: dict[str, tuple[dict[str, Any], str, str]] = {
    "a port that does not exist": (at("https://hooks.example.com:65536/"), "spec.webhook.url", "a port above 65535"),
    "an empty label": (at("https://hooks..example.com/"), "spec.webhook.url", "no valid host name"),
    "a long label": (at(f"https://{'a' * 64}.example.com/"), "spec.webhook.url", "no valid host name"),
    "a header that is a secret": (
        channel_body(webhook={"headers": {"authorization": "Bearer x"}}), "spec.webhook.headers", "is a secret",
    ),
    "a header that frames": (
        channel_body(webhook={"headers": {"Content-Length": "1"}}), "spec.webhook.headers", "set by Backstop itself",
    ),
    "a header of ours": (
        channel_body(webhook={"headers": {"Backstop-Signature": "t=1"}}), "spec.webhook.headers", "sets itself",
    ),
    "a header twice": (channel_body(webhook={"headers": {"A": "1", "a": "2"}}), "spec.webhook.headers", "twice"),
    "no header": (channel_body(webhook={"headers": {"A B": "1"}}), "spec.webhook.headers", "no header name"),
    "a header with a line break": (
        channel_body(webhook={"headers": {"A": "1\r\nB: 2"}}), "spec.webhook.headers", "not printable ASCII",
    ),
}  # fmt: skip

NOT_SUPPORTED_YET = ("slack", "pagerDuty", "email", "teams", "alertmanager", "onCall")
