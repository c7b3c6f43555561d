"""`backstop incident` as people run it, over a small API server."""

import json

import pytest
import yaml
from click.testing import CliRunner

from backstop.api.to_incident import to_incident
from backstop.cli.incident import stem_of
from backstop.cli.main import main
from backstop.domain.incident_report import markdown
from tests.cli.api_server import USER, api_server, at, status
from tests.cli.stored import HOSTILE, an_incident

__all__ = ["api_server"]

NAME = "checkout-1a2b3c4d-1"
RESOLVED = {"state": "Resolved", "resolvedAt": at(-3), "resolvedBy": "bob@example.com", "resolution": "rolled back"}
OPEN = ["incident", "open", "--title", "Checkout is slow!", "--severity", "P1"]


def test_an_incident_that_somebody_opens_carries_their_name_and_its_own_is_printed(api_server):
    result = api_server.run(*OPEN, "--service", "checkout", "--description", "since noon")
    assert (result.exit_code, result.stdout) == (0, "shop/checkout-is-slow-x7k2p  P1  opened\n")
    assert api_server.written == [
        {
            "apiVersion": "backstop.dev/v1alpha1",
            "kind": "Incident",
            "metadata": {
                "generateName": "checkout-is-slow-",
                "namespace": "shop",
                "annotations": {"backstop.dev/opened-by": USER},
            },
            "spec": {
                "title": "Checkout is slow!",
                "severity": "P1",
                "service": "checkout",
                "description": "since noon",
            },
        }
    ]


def test_what_is_not_said_is_not_stored(api_server):
    api_server.run(*OPEN)
    assert api_server.written[0]["spec"] == {"title": "Checkout is slow!", "severity": "P1"}


@pytest.mark.parametrize(
    ("title", "stem"),
    [
        ("Checkout is slow!", "checkout-is-slow"),
        ("Zahlungen über 100 € scheitern", "zahlungen-ber-100-scheitern"),
        ("日本語", "incident"),
        ("x" * 100, "x" * 40),
        ("a" * 39 + " b", "a" * 39),
    ],
)
def test_a_name_begins_with_what_kubernetes_takes_of_the_title(title, stem):
    assert stem_of(title) == stem


@pytest.mark.parametrize(
    ("refusal", "message"),
    [
        pytest.param(
            status(403, "Forbidden", 'User "alice" cannot create resource "incidents"'),
            'grant {apiGroups: ["backstop.dev"], resources: ["incidents"], verbs: ["create"]} in namespace shop',
            id="a missing right",
        ),
        pytest.param(
            status(404, "NotFound", 'namespaces "shop" not found', name="shop"),
            "there is no namespace shop; name another one with -n",
            id="a missing namespace",
        ),
        pytest.param(status(404, "NotFound", "not found"), "this cluster does not know incidents", id="no such kind"),
        pytest.param(
            status(422, "Invalid", "spec.title: Too long"), "spec.title: Too long", id="what is wrong with it"
        ),
        pytest.param(status(409, "AlreadyExists", "exists already"), "exists already", id="names that are all taken"),
    ],
)
def test_what_cannot_be_opened_ends_with_2_and_why(api_server, refusal, message):
    api_server.refusals["POST", "incidents"] = refusal
    result = api_server.run(*OPEN)
    assert result.exit_code == 2
    assert message in result.stderr


def test_a_severity_that_does_not_exist_is_refused_with_those_that_do(api_server):
    result = api_server.run("incident", "open", "--title", "x", "--severity", "urgent")
    assert result.exit_code == 2
    assert "'P0', 'P1', 'P2', 'P3'" in result.stderr


def test_everything_about_an_open_incident_is_shown_with_what_happens_next(api_server, snapshot):
    incident = an_incident(NAME)
    incident["spec"]["description"] = "Customers cannot pay.\nSupport knows."
    incident["status"]["alerts"][1] |= {"status": "Unknown", "reason": "EmptyResult", "message": "nothing"}
    incident["status"]["alertCount"] = 120
    api_server.add("incidents", incident)
    assert api_server.run("incident", "show", NAME).stdout == snapshot


def test_everything_about_a_resolved_incident_is_shown_with_its_review(api_server, snapshot):
    incident = an_incident(
        NAME,
        state="Resolved",
        acknowledgedAt=at(-12),
        acknowledgedBy="bob@example.com",
        resolvedAt=at(-3),
        resolution="fast-burn is clear: burn rate 0.1 over 1h, evidence 12 s old",
        reopened=2,
        deadlines=[{"kind": "Acknowledge", "due": at(-9), "metAt": at(-12)}],
        notifications=None,
        alerts=None,
        alertCount=None,
        review={"detectSeconds": 120, "acknowledgeSeconds": 120, "resolveSeconds": 780, "budgetSpentPercent": 3.2},
    )
    api_server.add("incidents", incident)
    assert api_server.run("incident", "show", NAME).stdout == snapshot


def test_an_incident_that_the_operator_has_not_seen_is_shown(api_server):
    incident = an_incident(NAME)
    del incident["status"]
    api_server.add("incidents", incident)
    text = api_server.run("incident", "show", NAME).stdout
    assert text.startswith("P0  -  checkout fails\n")
    assert "the operator has not taken it up yet" in text


@pytest.mark.parametrize(("output", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_programs_get_the_object_as_stored(api_server, output, load):
    api_server.add("incidents", an_incident(NAME))
    assert load(api_server.run("incident", "show", NAME, "-o", output).stdout) == api_server.incident(NAME)


def test_a_review_is_exported_as_a_page_to_complete(api_server):
    incident = an_incident(NAME, **RESOLVED)
    incident["status"]["timeline"][1]["text"] = f"<b>{HOSTILE}</b>"
    incident["metadata"]["generation"] = 1
    api_server.add("incidents", incident)
    page = api_server.run("incident", "export", NAME).stdout
    assert page == markdown(to_incident(api_server.incident(NAME)))
    assert page.startswith("# checkout fails\n")
    assert [c for c in page if not c.isprintable() and c != "\n"] == []
    assert json.loads(api_server.run("incident", "export", NAME, "-o", "json").stdout) == api_server.incident(NAME)
    assert api_server.run("incident", "export", "other").exit_code == 1


def test_an_incident_that_does_not_exist_ends_with_1(api_server):
    api_server.add("incidents", an_incident(NAME))
    result = api_server.run("incident", "show", "checkout-1a2b3c4d-2")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: no incident named checkout-1a2b3c4d-2 in namespace shop; did you mean {NAME}?\n"


def test_texts_of_others_do_not_steer_the_terminal(api_server):
    incident = an_incident(NAME, resolution=HOSTILE, acknowledgedAt=at(-1), acknowledgedBy=HOSTILE)
    incident["spec"] |= {"title": HOSTILE, "description": HOSTILE, "service": HOSTILE}
    told = incident["status"]
    told["alerts"][0] |= {"subject": HOSTILE, "message": HOSTILE, "group": {"region": HOSTILE}}
    told["timeline"][0] |= {"text": HOSTILE, "by": HOSTILE}
    told["notifications"][1] |= {"error": HOSTILE, "channel": HOSTILE}
    told["review"] = {"rootCause": HOSTILE}
    api_server.add("incidents", incident)
    text = api_server.run("incident", "show", NAME).stdout
    assert text.count("gnp.exe") >= 12
    assert [c for c in text if not c.isprintable() and c != "\n"] == []
    assert text.splitlines()[0].count("gnp.exe") == 1


@pytest.mark.parametrize("words", [["incident"], ["incident", "open"], ["incident", "show"], ["ack"], ["alerts"]])
def test_help_has_examples(words):
    text = CliRunner().invoke(main, [*words, "--help"]).stdout
    assert f"  backstop {' '.join(words)} " in text
    assert "Exit code: 0" in text or words == ["incident"]
