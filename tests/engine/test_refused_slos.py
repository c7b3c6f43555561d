"""What got stored though it cannot be evaluated is refused by condition, in the words of validate (semantics K10)."""

import asyncio

import pytest

from backstop.api.to_domain import check_slo
from tests.api.slo_bodies import REFUSED_WITH_ONE_TEXT, calendar, ratio, slo_body
from tests.engine.test_engine import a_body, stage

pytestmark = pytest.mark.looptime

STORED = {name: body for name, (body, _, _) in REFUSED_WITH_ONE_TEXT.items()} | {
    "a zone that does not exist": calendar(unit="Month", timeZone="Mars/Olympus"),
    "a target that is no number": slo_body(target=float("nan")),
    "PromQL of 10,000 characters": ratio(total="a" * 10_000),
    "PromQL that cannot be read": ratio(total="requests_total{"),
}


@pytest.mark.parametrize("body", STORED.values(), ids=STORED)
async def test_it_is_refused_by_condition_in_the_words_of_validate_and_others_go_on(body):
    async with stage() as s:
        s.engine.on_object("SLO", a_body("other", uid="uid-other"))
        s.engine.on_object("SLO", body)
        await asyncio.sleep(30)
        ready = s.ready("checkout")
        assert (ready["status"], ready["reason"]) == ("False", "Invalid")
        problem = check_slo(body).problems[0]
        assert ready["message"].startswith(f"{problem.path}: {problem.text}"[:900])
        assert s.status("other")["state"] == "Healthy"
