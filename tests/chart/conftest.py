"""The matrix of values as a fixture: a test that takes `objects` runs once per case."""

from typing import Any

import pytest

from tests.chart.matrix import CASES
from tests.chart.render import Object, render

NO_CRDS = {"crds": {"install": False}}  # they are large, and have tests of their own


@pytest.fixture(params=CASES, scope="session")
def case(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Give the values of one case."""
    return CASES[request.param]


@pytest.fixture(scope="session")
def objects(case: dict[str, Any]) -> list[Object]:
    """Give what one case renders to, without CRDs."""
    return render(case | NO_CRDS)
