"""Time without data: what it counts as, and what condition DataAvailable says of it, since when and why."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from backstop.domain.errors import QueryRejected, QueryTimedOut, SourceUnreachable
from backstop.domain.slo import Budgeting, Evaluation, NoData, Objective, QueryIndicator, RollingWindow, Timeslice
from backstop.engine.status import assessed_status
from backstop.ports.metrics import InstantAnswer
from backstop.vocabulary import Reason, State
from tests.engine.lived import Traffic, life

pytestmark = pytest.mark.looptime

START = datetime(2026, 3, 4, 12, 0, 17, tzinfo=UTC)
NOW = START.timestamp()
MINUTE, HOUR, DAY = 60, 3600, 86_400
FOUR_HOURS = RollingWindow(name="4h", seconds=4 * HOUR)
THREE_DAYS = RollingWindow(name="3d", seconds=3 * DAY)
QUERY = QueryIndicator(
    total="sum(increase(requests_total[$window]))", bad="sum(increase(errors_total[$window]))"
)  # its NaN is what the server says, with no counters behind it to look at


def of_time(no_data, *, length=60):
    return {
        "budgeting": Budgeting.TIMESLICES,
        "timeslice": Timeslice(seconds=length, target_ratio=Decimal("0.9")),
        "objective": Objective(target_percent=Decimal(90)),
        "evaluation": Evaluation(no_data=no_data),
        "windows": (FOUR_HOURS,),
    }


def flawless():
    traffic = Traffic(START)
    traffic.set_bad(traffic.begins, traffic.begins + 85 * DAY, 0)
    return traffic


def data_available(seen):
    status = assessed_status(seen, generation=1, previous=None, now=START)
    return next(c for c in status["conditions"] if c["type"] == "DataAvailable")


def silence(it, since):
    it.source.silent = lambda t: t >= since


def staleness(it, since):
    """The series go on to be found, and their newest sample grows old."""
    told = it.source._value
    it.source._value = lambda term, name, at: min(at - 1, since) if name == "newest" else told(term, name, at)


def not_a_number(it, since):
    def nan_from_then(told):
        return lambda t: told(t) if t < since else float("nan")

    it.source.counters = {name: nan_from_then(told) for name, told in it.source.counters.items()}


def more_bad_than_total(it, since):
    told = it.source.counters["errors_total"]
    it.source.counters["errors_total"] = lambda t: told(t) + max(t - since, 0.0) * 1e6


def less_than_nothing(it, since):
    told = it.source.counters["requests_total"]
    it.source.counters["requests_total"] = lambda t: told(min(t, since)) - max(t - since, 0.0)


def failing(problem):
    return lambda it, _: it.source.fail(problem)


def refusal(it, _):
    it.source.fail(QueryRejected("query processing would load too many samples into memory"), on="requests_total")


def warnings(it, _):
    whole = it.source._answer
    it.source.answer_by(
        lambda e, at: InstantAnswer(tuple(whole(e, at)), warnings=("store s3 is missing",)) if e != "time()" else None
    )


TROUBLE = [
    pytest.param(silence, Reason.NO_DATA, "returned no series", True, id="empty"),
    pytest.param(staleness, Reason.STALE, "the newest sample is", True, id="late"),
    pytest.param(not_a_number, Reason.NOT_A_NUMBER, "returned NaN", False, id="NaN"),
    pytest.param(more_bad_than_total, Reason.INCONSISTENT, "are more than the total", False, id="more bad than total"),
    pytest.param(less_than_nothing, Reason.INCONSISTENT, "returned -", False, id="negative"),
    pytest.param(failing(SourceUnreachable("connection refused")), Reason.SOURCE_UNREACHABLE, "connection refused",
                 False, id="away"),
    pytest.param(failing(QueryTimedOut("no answer within 10 s")), Reason.SOURCE_UNREACHABLE, "no answer within 10 s",
                 False, id="slow"),
    pytest.param(refusal, Reason.QUERY_FAILED, "would load too many samples", False, id="refused"),
    pytest.param(warnings, Reason.PARTIAL_ANSWER, "store s3 is missing", False, id="partial"),
]  # fmt: skip


@pytest.mark.parametrize(("trouble", "reason", "words", "no_samples"), TROUBLE)
async def test_the_condition_tells_since_when_and_why(trouble, reason, words, no_samples):
    async with life(indicator=QUERY, windows=(FOUR_HOURS,)) as it:
        fine = await it.run(600)
        assert data_available(fine)["status"] == "True"
        began = it.now
        trouble(it, began)
        seen = await it.run(900)
        condition = data_available(seen)
        assert (condition["status"], condition["reason"]) == ("False", str(reason))
        assert words in condition["message"]
        since = datetime.fromisoformat(condition["message"].rpartition("(since ")[2].rstrip(")"))
        assert since.timestamp() == pytest.approx(began, abs=181)  # a late sample is late after two minutes
        assert seen.verdict.state is State.UNKNOWN


@pytest.mark.parametrize("no_data", NoData)
@pytest.mark.parametrize(("trouble", "reason", "words", "no_samples"), TROUBLE)
async def test_only_a_lack_of_samples_counts_as_the_user_says(trouble, reason, words, no_samples, no_data):
    async with life(traffic=flawless(), indicator=QUERY, **of_time(no_data)) as it:
        await it.run(600)
        trouble(it, it.now)
        seen = await it.run(30 * MINUTE)
        counts = seen.budgets[0].counts
        gone = (counts.bad, counts.unknown_seconds / 60)
        if not no_samples or no_data is NoData.UNKNOWN:
            assert gone == pytest.approx((0, 30), abs=3.5)
        elif no_data is NoData.BAD:
            assert gone == pytest.approx((30, 0), abs=3.5)
        else:
            assert gone == pytest.approx((0, 0), abs=1e-6)
        # Whatever it counts as, the condition goes on to say that there is none.
        assert data_available(seen)["status"] == "False"
        assert seen.verdict.state is State.UNKNOWN


@pytest.mark.parametrize("length", [60, 300, 3600])
async def test_bad_time_without_data_is_bad_after_a_restart_too(length):
    async with life(traffic=flawless(), **of_time(NoData.BAD, length=length)) as it:
        await it.settled()
        begin = NOW // 3600 * 3600 + HOUR
        it.source.silent = lambda t: begin < t <= begin + HOUR
        lived = await it.until(begin + 2 * HOUR + 100)
        assert lived.budgets[0].consumed == pytest.approx(60, abs=3)
        it.restart()
        again = await it.settled()
        assert again.budgets[0].counts.bad == pytest.approx(lived.budgets[0].counts.bad, abs=1e-6)
        assert again.budgets[0].counts.unknown_seconds == lived.budgets[0].counts.unknown_seconds == 0


@pytest.mark.parametrize("no_data", NoData)
async def test_time_before_the_first_data_is_unknown_whatever_no_data_says(no_data):
    """A service that was not there yet was neither good nor bad: a new SLO does not begin with a spent budget."""
    async with life(traffic=flawless(), **(of_time(no_data) | {"windows": (THREE_DAYS,)})) as it:
        born = NOW // 60 * 60 - 10 * HOUR
        it.source.silent = lambda t: t < born
        seen = await it.settled()
        counts = seen.budgets[0].counts
        assert counts.bad == 0
        assert counts.unknown_seconds == pytest.approx(3 * DAY - (NOW - born), abs=HOUR + 1)
        assert seen.history.known_from == pytest.approx(born, abs=HOUR + 1)


@pytest.mark.parametrize("no_data", [NoData.GOOD, NoData.BAD])
async def test_an_slo_whose_series_never_were_stays_unknown(no_data):
    async with life(traffic=flawless(), **of_time(no_data)) as it:
        it.source.silent = lambda _: True
        seen = await it.run(HOUR)
        assert seen.budgets[0].counts.events == 0
        assert (data_available(seen)["status"], data_available(seen)["reason"]) == ("False", "NoData")
        assert seen.verdict.state is State.UNKNOWN


async def test_where_events_are_counted_good_time_without_data_is_known_and_holds_none():
    async with life(windows=(FOUR_HOURS,), evaluation=Evaluation(no_data=NoData.GOOD)) as it:
        before = await it.run(600)
        silence(it, it.now)
        seen = await it.run(30 * MINUTE)
        assert seen.budgets[0].counts.unknown_seconds == pytest.approx(0, abs=1e-6)
        assert seen.budgets[0].counts.coverage == pytest.approx(1)
        assert seen.budgets[0].counts.events < before.budgets[0].counts.events


async def test_a_passing_gap_changes_no_state_and_its_time_is_told_when_it_does_not_pass():
    async with life(windows=(FOUR_HOURS,), evaluation=Evaluation(stale_after_seconds=300)) as it:
        fine = await it.run(600)
        silence(it, it.now)
        passing = await it.run(240)
        assert (passing.data, passing.verdict.state) == (fine.data, fine.verdict.state)
        lasting = await it.run(120)
        assert (lasting.data.available, lasting.data.since) == (False, fine.data.last_known_at)
        it.source.silent = lambda _: False
        back = await it.tick()
        assert (back.data.available, back.data.since) == (True, back.at)


async def test_a_longer_gap_never_makes_anything_better_or_worse():
    traffic = Traffic(START)
    traffic.set_bad(traffic.begins, traffic.begins + 85 * DAY, 0.003)
    async with life(traffic=traffic, windows=(FOUR_HOURS,)) as it:
        fine = await it.run(600)
        assert fine.verdict.state is State.HEALTHY
        silence(it, it.now)
        shares = []
        for _ in range(12):
            seen = await it.run(900, every=300)
            shares.append(seen.budgets[0].remaining_percent)
            assert seen.verdict.state is State.UNKNOWN
        assert shares == pytest.approx([fine.budgets[0].remaining_percent] * len(shares), abs=2)
