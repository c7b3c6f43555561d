"""`backstop ack`, `resolve`, `note` and `incident severity`, over a small API server with a small operator."""

from collections.abc import Callable

import pytest

from backstop.api.to_incident import to_incident, to_status
from backstop.domain.incident_answers import answered, spent
from backstop.vocabulary import Annotation
from tests.cli.api_server import NOW, USER, ApiServer, Object, api_server, at, status
from tests.cli.stored import HOSTILE, an_incident

__all__ = ["api_server"]

NAME = "checkout-1a2b3c4d-1"
RESOLVED = {"state": "Resolved", "resolvedAt": at(-3), "resolvedBy": "bob@example.com"}
BY_BOB = "at 2026-03-01T11:57:00Z by bob@example.com"
ACKNOWLEDGED = {"state": "Acknowledged", "acknowledgedAt": at(-3), "acknowledgedBy": "bob@example.com"}


def operator(body: Object) -> None:
    """Record what the annotations say, and take away those that were acted on, as the operator does."""
    annotations = body["metadata"]["annotations"]
    incident = answered(to_incident(body), annotations, NOW.timestamp())
    body["status"] = to_status(incident)
    for name in spent(incident, annotations):
        del annotations[name]


def refusing(incident: Object) -> None:
    text = "alerts fire; silence them first"
    incident["status"]["timeline"].append({"at": at(0), "kind": "Refused", "text": text, "by": USER})


@pytest.fixture
def shop(api_server: ApiServer) -> ApiServer:
    """A cluster with an open incident and an operator that works."""
    api_server.add("incidents", an_incident(NAME))
    api_server.operator = operator
    return api_server


ANSWERS = {
    "ack": ["ack", NAME],
    "ack with a note": ["ack", NAME, "--note", "adding space"],
    "resolve": ["resolve", NAME, "--reason", "no errors since"],
    "note": ["note", NAME, "rolled back"],
    "severity": ["incident", "severity", NAME, "P2", "--reason", "only one tenant"],
}


@pytest.mark.parametrize(
    ("arguments", "annotations"),
    [
        ("ack", {Annotation.ACKNOWLEDGED_BY: USER}),
        (
            "ack with a note",
            {Annotation.ACKNOWLEDGED_BY: USER, Annotation.NOTED_BY: USER, Annotation.NOTE: "adding space"},
        ),
        (
            "resolve",
            {Annotation.RESOLVED_BY: USER, Annotation.NOTED_BY: USER, Annotation.NOTE: "no errors since"},
        ),
        ("note", {Annotation.NOTED_BY: USER, Annotation.NOTE: "rolled back"}),
        (
            "severity",
            {
                Annotation.SEVERITY: "P2",
                Annotation.SEVERITY_BY: USER,
                Annotation.NOTED_BY: USER,
                Annotation.NOTE: "only one tenant",
            },
        ),
    ],
)
def test_an_answer_carries_the_caller_s_name_and_what_the_operator_made_of_it_is_printed(
    shop, arguments, annotations, snapshot
):
    result = shop.run(*ANSWERS[arguments])
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == snapshot
    (patch,) = shop.written
    assert patch == {
        "metadata": {"resourceVersion": "1", "annotations": {str(name): value for name, value in annotations.items()}}
    }


@pytest.mark.parametrize("arguments", ANSWERS.values(), ids=ANSWERS)
def test_a_name_that_does_not_exist_ends_with_1_and_names_that_are_near(shop, arguments):
    wrong = [NAME.replace("2b3c", "3b3c") if word == NAME else word for word in arguments]
    result = shop.run(*wrong)
    assert (result.exit_code, shop.written) == (1, [])
    assert result.stderr == (f"Error: no incident named checkout-1a3b3c4d-1 in namespace shop; did you mean {NAME}?\n")


def test_a_name_that_nothing_is_near_gets_the_command_that_lists_all(shop):
    assert shop.run("note", "zzz", "hello").stderr == (
        "Error: no incident named zzz in namespace shop; backstop incidents -A --all shows all\n"
    )


@pytest.mark.parametrize(
    ("now", "arguments", "message"),
    [
        (RESOLVED, "ack", f"is resolved already, {BY_BOB}; there is nothing left to acknowledge"),
        (RESOLVED, "resolve", f"is resolved already, {BY_BOB}; to add something: backstop note {NAME} TEXT"),
        (RESOLVED, "severity", f"is resolved already, {BY_BOB}; its severity stays"),
        (ACKNOWLEDGED, "ack", "is acknowledged already, by bob@example.com at 2026-03-01T11:57:00Z; to add something"),
        ({"severity": "P2"}, "severity", "has severity P2 already"),
    ],
)
def test_an_incident_that_is_not_in_a_state_for_it_ends_with_1_and_nothing_is_written(shop, now, arguments, message):
    shop.incident(NAME)["status"] |= now
    result = shop.run(*ANSWERS[arguments])
    assert (result.exit_code, shop.written) == (1, [])
    assert result.stderr.startswith(f"Error: shop/{NAME} {message}")


def test_a_note_can_be_added_after_the_resolution(shop):
    shop.incident(NAME)["status"] |= RESOLVED
    assert shop.run(*ANSWERS["note"]).exit_code == 0


@pytest.mark.parametrize("arguments", ANSWERS.values(), ids=ANSWERS)
def test_without_an_operator_the_answer_is_stored_and_the_command_ends_with_3_and_where_to_look(shop, arguments):
    shop.operator = lambda _: None
    result = shop.run(*arguments, "--timeout", "1ms")
    assert result.exit_code == 3
    assert "is stored, but not recorded in time; the operator will record what is stored once it runs." in result.stderr
    assert len(shop.written) == 1


def test_nobody_has_to_wait(shop):
    shop.operator = lambda _: None
    result = shop.run(*ANSWERS["ack"], "--no-wait")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (f"shop/{NAME}: the acknowledgement of {USER} is stored; the operator will record it\n")


def test_what_the_operator_refuses_ends_with_1_and_its_reason(shop):
    shop.operator = refusing
    result = shop.run(*ANSWERS["resolve"])
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: shop/{NAME}: the operator refused the resolution: alerts fire; silence them first\n",
    )


def test_an_incident_that_moved_on_meanwhile_is_read_again(shop):
    shop.moved_on = 2
    assert shop.run(*ANSWERS["ack"]).exit_code == 0
    assert [patch["metadata"]["resourceVersion"] for patch in shop.written] == ["1", "100", "101"]


def test_an_incident_that_moves_on_and_on_ends_with_2(shop):
    shop.moved_on = 100
    result = shop.run(*ANSWERS["ack"])
    assert (result.exit_code, len(shop.written)) == (2, 5)
    assert "changed 5 times while the acknowledgement was written; try again" in result.stderr


def test_what_somebody_else_said_is_not_written_over_before_the_operator_has_read_it(shop):
    said = {str(Annotation.NOTED_BY): "bob@example.com", str(Annotation.NOTE): "looking"}
    shop.incident(NAME)["metadata"]["annotations"] = dict(said)
    result = shop.run(*ANSWERS["note"], "--timeout", "1ms")
    assert (result.exit_code, shop.written) == (3, [])
    assert "nothing was stored, since the operator is not done with an answer before (backstop.dev/noted-by: bob@" in (
        result.stderr
    )
    shop.incident(NAME)["status"]["answered"] = said
    assert shop.run(*ANSWERS["note"]).exit_code == 0


def test_the_same_note_again_waits_until_the_operator_has_forgotten_the_first(shop):
    assert shop.run(*ANSWERS["note"]).exit_code == 0
    result = shop.run(*ANSWERS["note"], "--timeout", "1ms")
    assert (result.exit_code, len(shop.written)) == (3, 1)
    del shop.incident(NAME)["status"]["answered"]  # the operator's next look, without the annotation
    assert shop.run(*ANSWERS["note"]).exit_code == 0
    notes = [entry for entry in shop.incident(NAME)["status"]["timeline"] if entry["kind"] == "Note"]
    assert len(notes) == 2


def test_an_acknowledgement_that_came_second_is_told_who_was_first(shop):
    def bob_was_first(incident: Object) -> None:
        incident["status"] |= ACKNOWLEDGED
        text = "not acknowledged: bob@example.com takes care of it already"
        incident["status"]["timeline"].append({"at": at(0), "kind": "Refused", "text": text, "by": USER})

    shop.operator = bob_was_first
    result = shop.run(*ANSWERS["ack"])
    assert result.exit_code == 1
    assert "not acknowledged: bob@example.com takes care of it already" in result.stderr


@pytest.mark.parametrize("arguments", ANSWERS.values(), ids=ANSWERS)
def test_a_missing_right_ends_with_2_and_prints_the_rule(shop, arguments):
    message = 'incidents.backstop.dev is forbidden: User "alice" cannot patch resource "incidents"'
    shop.refusals["PATCH", "incidents"] = status(403, "Forbidden", message)
    result = shop.run(*arguments)
    assert result.exit_code == 2
    assert 'grant {apiGroups: ["backstop.dev"], resources: ["incidents"], verbs: ["patch"]}' in result.stderr


def test_what_admission_says_is_shown(shop):
    message = "ValidatingAdmissionPolicy denied: acknowledged-by must be your own user name"
    shop.refusals["PATCH", "incidents"] = status(422, "Invalid", message)
    result = shop.run(*ANSWERS["ack"])
    assert result.exit_code == 2
    assert message in result.stderr


def test_the_first_note_of_an_incident_that_the_operator_has_not_seen_is_recorded(shop):
    del shop.incident(NAME)["status"]
    assert shop.run(*ANSWERS["note"]).exit_code == 0


def test_a_note_that_the_operator_shortens_counts_as_recorded(shop):
    assert shop.run("note", NAME, "long " * 100).exit_code == 0


def test_a_note_of_somebody_else_at_the_same_time_is_not_taken_for_the_own(shop):
    def other(incident: Object) -> None:
        entry = {"at": at(0), "kind": "Note", "text": "rolled back", "by": "bob@example.com"}
        incident["status"]["timeline"].append(entry)

    shop.operator = other
    assert shop.run(*ANSWERS["note"], "--timeout", "1ms").exit_code == 3


@pytest.mark.parametrize("text", ["", " \n ", "x" * 1025], ids=["empty", "blank", "too long"])
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(lambda text: ["note", NAME, text], id="note"),
        pytest.param(lambda text: ["ack", NAME, "--note", text], id="ack"),
        pytest.param(lambda text: ["resolve", NAME, "--reason", text], id="resolve"),
    ],
)
def test_what_nobody_can_read_is_refused_before_anything_is_written(
    shop, arguments: Callable[[str], list[str]], text: str
):
    result = shop.run(*arguments(text))
    assert (result.exit_code, shop.written) == (2, [])
    assert "is empty; say" in result.stderr or "has 1025 characters, more than 1024; shorten it" in result.stderr


def test_texts_of_others_do_not_steer_the_terminal(shop):
    def hostile(incident: Object) -> None:
        operator(incident)
        incident["status"]["timeline"].append({"at": at(0), "kind": "Joined", "text": HOSTILE, "by": HOSTILE})

    shop.operator = hostile
    text = shop.run(*ANSWERS["ack"]).stdout
    assert "gnp.exe" in text
    assert [c for c in text if not c.isprintable() and c != "\n"] == []
    shop.operator = lambda incident: incident["status"]["timeline"].append(
        {"at": at(0), "kind": "Refused", "text": HOSTILE}
    )
    shop.incident(NAME)["status"] |= {"state": "Open"}
    shop.incident(NAME)["metadata"]["annotations"] = {}
    text = shop.run(*ANSWERS["resolve"]).stderr
    assert "gnp.exe" in text
    assert [c for c in text if not c.isprintable() and c != "\n"] == []
