"""Every rule of budgets (semantics B1 to B7) has a worked numeric example, which test_examples.py runs."""

import re
from pathlib import Path

import pytest

from tests.cluster.paths import REPOSITORY
from tests.docs.pages import blocks_of, text_of

EXPLANATION = REPOSITORY / "docs" / "explanation"
WORKED = [
    pytest.param("windows.md", "The budget of a calendar period", id="B1 forecast"),
    pytest.param("windows.md", "TooEarly", id="B1 too early"),
    pytest.param("error-budget.md", "Exclusions", id="B2 exclusions"),
    pytest.param("error-budget.md", "Coverage", id="B2 unknown time"),
    pytest.param("error-budget.md", "Error budget", id="B2 below zero"),
    pytest.param("budgeting.md", "Burn rate of a budget of time", id="B3"),
    pytest.param("error-budget.md", "Several SLOs as one", id="B4"),
    pytest.param("error-budget.md", "Groups", id="B5"),
    pytest.param("error-budget.md", "What is counted exactly", id="B6"),
    pytest.param("error-budget.md", "State", id="B7"),
    pytest.param("budgeting.md", "The budget in minutes", id="OpenSLO's figure"),
]


def lines_of(page: Path, title: str) -> range:
    """Return the lines of a section, counted from 1."""
    lines = text_of(page).splitlines()
    begin = lines.index(f"## {title}")
    end = next((n for n, line in enumerate(lines) if n > begin and re.match(r"## ", line)), len(lines))
    return range(begin + 1, end + 1)


@pytest.mark.parametrize(("name", "title"), WORKED)
def test_a_rule_has_an_example_with_numbers(name: str, title: str) -> None:
    page = EXPLANATION / name
    section = lines_of(page, title)
    examples = [block.text for block in blocks_of(page, "python") if block.line in section and ">>>" in block.text]
    printed = [
        line for example in examples for line in example.splitlines() if line and not line.startswith((">>>", "..."))
    ]
    assert any(re.search(r"\d", line) for line in printed)
