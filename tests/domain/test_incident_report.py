"""An incident as a page."""

import re

from hypothesis import given
from hypothesis import strategies as st

from backstop.domain.alert import AlertStatus
from backstop.domain.incident_answers import answered
from backstop.domain.incident_report import markdown
from backstop.domain.incident_transitions import followed
from backstop.vocabulary import Annotation
from tests.domain.incident_cases import NOW, a_reading, an_alert, an_incident, now_is

HOSTILE = ("# heading", "[x](javascript:alert(1))", "a|b|c", "<img src=x onerror=y>", "https://evil.example", "\n\n# x")


def lived():
    incident = answered(an_incident(), {Annotation.ACKNOWLEDGED_BY: "ann"}, NOW + 30)
    return followed(incident, a_reading(now_is(an_alert(), AlertStatus.CLEAR, NOW + 600), at=NOW + 600))


def test_the_page_has_facts_times_and_places_for_what_people_add():
    page = markdown(lived())
    for line in (
        "# checkout: fast",
        "- State: Resolved",
        "- Acknowledged: 2026-09-21 14:13:50 by ann",
        "| 2026-09-21 14:13:50 | Acknowledged | ann | takes care of it |",
        "| fast | P0 | SLO/availability | Clear | 2026-09-21 14:23:20 | fast is Clear |",
        "| Acknowledge | 2026-09-21 14:18:20 | 2026-09-21 14:13:50 |  |",
        "- Detected after: 1m",
        "- Resolved after: 11m",
        "### Root cause",
        "### Lessons",
        "### Action items",
    ):
        assert line in page.splitlines()


def test_an_open_incident_has_a_page_too():
    page = markdown(an_incident())
    assert "- State: Open" in page
    assert "Detected after" not in page


@given(st.sampled_from(HOSTILE) | st.text(max_size=60))
def test_texts_of_others_are_never_more_than_text(text):
    def page(said):
        return markdown(answered(an_incident(), {Annotation.NOTED_BY: "ann", Annotation.NOTE: f"x{said}"}, NOW))

    def structure(text):
        return [len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines()]

    assert structure(page(text)) == structure(page("plain"))
    assert "<" not in page(text)
    assert "](" not in page(text)
    assert not re.search(r"[a-z]://", page(text))
