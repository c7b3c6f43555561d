"""A small API server for tests of commands: objects in memory behind real HTTP, and an operator that reacts."""

import copy
import itertools
import json
import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from backstop.adapters.clock import SystemClock
from backstop.cli.main import main

Object = dict[str, Any]
Operator = Callable[[Object], None]  # changes an incident after somebody wrote it

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)  # what commands take for the present
USER = "alice@example.com"
_GROUP = "/apis/backstop.dev/v1alpha1"


class _StoppedClock(SystemClock):
    def now(self) -> datetime:
        return NOW


class ApiServer:
    """Keeps incidents and alert policies, by namespace and name."""

    def __init__(self, web: HTTPServer, kubeconfig: Path) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}  # by plural, namespace and name
        self.operator: Operator = lambda _: None
        self.refusals: dict[tuple[str, str], Response] = {}  # by method and plural
        self.moved_on = 0  # how many writes find that somebody else wrote before
        self.written: list[Object] = []  # bodies of requests that write
        self.kubeconfig = kubeconfig
        self._versions = itertools.count(100)
        web.expect_request("/apis/authentication.k8s.io/v1/selfsubjectreviews", method="POST").respond_with_json(
            {
                "kind": "SelfSubjectReview",
                "status": {"userInfo": {"username": USER, "groups": ["system:authenticated"]}},
            }
        )
        web.expect_request(re.compile(f"{_GROUP}/.*")).respond_with_handler(self._respond)

    def add(self, plural: str, *objects: Object) -> None:
        for given in objects:
            body = copy.deepcopy(given)
            metadata = body["metadata"]
            uid = f"uid-{metadata['namespace']}-{metadata['name']}"
            metadata |= {"uid": uid, "resourceVersion": "1", "generation": 1}
            self.objects[plural, metadata["namespace"], metadata["name"]] = body

    def incident(self, name: str, namespace: str = "shop") -> Object:
        return self.objects["incidents", namespace, name]

    def run(self, *arguments: str) -> Result:
        """Run a command in namespace shop, as the user whose name the server knows."""
        return CliRunner().invoke(main, [*arguments, "--kubeconfig", str(self.kubeconfig)])

    def _respond(self, request: Request) -> Response:
        parts = request.path.removeprefix(_GROUP).strip("/").split("/")
        namespace, rest = (parts[1], parts[2:]) if parts[0] == "namespaces" else (None, parts)
        plural, name = rest[0], rest[1] if len(rest) > 1 else None
        if (refusal := self.refusals.get((request.method, plural))) is not None:
            return refusal
        if request.method == "POST":
            return self._created(plural, str(namespace), request.get_json())
        if name is None:
            found = [body for (p, n, _), body in self.objects.items() if p == plural and namespace in (None, n)]
            return _answer(200, {"items": found, "metadata": {}})
        body = self.objects.get((plural, str(namespace), name))
        if body is None:
            return status(404, "NotFound", f'{plural} "{name}" not found', name=name)
        if request.method == "PATCH":
            return self._patched(body, request)
        return _answer(200, body)

    def _created(self, plural: str, namespace: str, body: Object) -> Response:
        self.written.append(copy.deepcopy(body))
        metadata = body["metadata"]
        metadata["name"] = f"{metadata.pop('generateName')}x7k2p"
        self.add(plural, body)
        return _answer(201, self.objects[plural, namespace, metadata["name"]])

    def _patched(self, body: Object, request: Request) -> Response:
        patch = json.loads(request.get_data())
        assert request.headers["Content-Type"] == "application/merge-patch+json"
        self.written.append(patch)
        if self.moved_on > 0:
            self.moved_on -= 1
            body["metadata"]["resourceVersion"] = str(next(self._versions))
        if patch["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            return status(409, "Conflict", "the object has been modified")
        body["metadata"].setdefault("annotations", {}).update(patch["metadata"]["annotations"])
        body["metadata"]["resourceVersion"] = str(next(self._versions))
        answer = copy.deepcopy(body)
        self.operator(body)
        return _answer(200, answer)


def at(minutes: float) -> str:
    """Return the time so many minutes from the commands' present, as it is stored."""
    return (NOW + timedelta(minutes=minutes)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def status(code: int, reason: str, message: str, **details: str) -> Response:
    """Return an error as the API server words it."""
    return _answer(code, {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details})


def _answer(code: int, body: Object) -> Response:
    return Response(json.dumps(body), status=code, content_type="application/json")


@pytest.fixture
def api_server(httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ApiServer:
    monkeypatch.setattr("backstop.bootstrap.incidents.SystemClock", _StoppedClock)
    monkeypatch.setattr(logging.getLogger("werkzeug"), "disabled", True)  # it logs requests into the command's output
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "one", "cluster": {"server": httpserver.url_for("").rstrip("/")}}],
                "users": [{"name": "me", "user": {"token": "secret"}}],
                "contexts": [{"name": "one", "context": {"cluster": "one", "user": "me", "namespace": "shop"}}],
                "current-context": "one",
            }
        )
    )
    return ApiServer(httpserver, kubeconfig)
