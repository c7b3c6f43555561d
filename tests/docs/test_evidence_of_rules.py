"""The page on what rules look at is held to the code."""

from tests.docs.test_words import same, table_rows, value_at
from tests.generators.registry import REPOSITORY

PAGE = REPOSITORY / "docs" / "explanation" / "evidence-of-rules.md"


def test_its_numbers_are_those_of_the_code():
    rows = list(table_rows(PAGE, "## How often, and at what cost"))
    assert [(what, shown) for what, shown, where in rows if not same(shown, value_at(where.strip("`")))] == []
