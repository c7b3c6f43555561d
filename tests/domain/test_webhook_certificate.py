"""When the webhook's certificate is made anew."""

from datetime import UTC, datetime, timedelta

import pytest

from backstop.domain.webhook_certificate import (
    BACKDATED,
    LIFETIME,
    RENEWED_AFTER,
    Certificate,
    Need,
    need,
)

MADE = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAME = "backstop-webhook.backstop-system.svc"
CERTIFICATE = Certificate(names=frozenset([NAME]), not_before=MADE - BACKDATED, not_after=MADE + LIFETIME)


@pytest.mark.parametrize(
    ("age", "wanted"),
    [
        (timedelta(), Need.NONE),
        (timedelta(days=60, seconds=-1), Need.NONE),
        (timedelta(days=60), Need.DUE),
        (timedelta(days=90, hours=-1, seconds=-1), Need.DUE),
        (timedelta(days=90, hours=-1), Need.EXPIRED),
        (timedelta(days=400), Need.EXPIRED),
        (-timedelta(days=1), Need.NONE),  # the clock went back: what the API server thinks of it is not ours to guess
    ],
)
def test_a_certificate_of_90_days_is_replaced_after_60_and_counts_as_none_in_its_last_hour(age, wanted):
    assert need(CERTIFICATE, [NAME], now=MADE + age) is wanted


def test_without_a_certificate_and_with_one_for_other_names_there_is_need():
    assert need(None, [NAME], now=MADE) is Need.MISSING
    assert need(CERTIFICATE, [NAME, "127.0.0.1"], now=MADE) is Need.OTHER_NAMES
    assert need(CERTIFICATE, [], now=MADE) is Need.NONE


def test_only_what_nobody_can_be_answered_with_is_urgent():
    assert [wanted for wanted in Need if wanted.urgent] == [Need.MISSING, Need.EXPIRED]


def test_there_is_a_month_to_notice_that_renewing_fails():
    spare = LIFETIME - RENEWED_AFTER
    assert spare == timedelta(days=30)
