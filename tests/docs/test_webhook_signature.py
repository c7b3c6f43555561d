"""What the page tells receivers to do is true of what is sent: the code that it prints checks real signatures."""

from typing import Any

import pytest

from backstop.adapters.notify.signature import signature
from backstop.api.v1alpha1.notification_channel import DELIVERY_HEADER, SIGNATURE_HEADER
from backstop.domain.notification import (
    FIRST_RETRY_SECONDS,
    GIVE_UP_SECONDS,
    LONGEST_RETRY_AFTER_SECONDS,
    LONGEST_RETRY_SECONDS,
    retry_delay_seconds,
)
from tests.cluster.paths import REPOSITORY
from tests.docs.pages import blocks_of, spans, text_of

PAGE = REPOSITORY / "docs" / "how-to" / "notify-by-webhook.md"
KEY, BODY, SENT = b"a key of sixteen bytes or more", b'{"version":"1"}', 1_800_000_000


@pytest.fixture(scope="module")
def is_genuine() -> Any:
    (example,) = blocks_of(PAGE, "python")
    assert len(example.text.splitlines()) <= 10
    names: dict[str, Any] = {}
    exec(example.text, names)  # our own page
    return names["is_genuine"]


def test_the_pages_code_takes_what_we_send(is_genuine: Any) -> None:
    header = signature(KEY, BODY, at=SENT)
    assert is_genuine(KEY, BODY, header, SENT + 2.5)
    assert header.startswith(f"t={SENT},v1=")


@pytest.mark.parametrize(
    ("key", "body", "now"),
    [
        pytest.param(b"another key of sixteen bytes", BODY, SENT, id="another key"),
        pytest.param(KEY, BODY + b" ", SENT, id="another body"),
        pytest.param(KEY, BODY, SENT + 301, id="an old message"),
        pytest.param(KEY, BODY, SENT - 301, id="a message of the future"),
    ],
)
def test_the_pages_code_takes_nothing_else(is_genuine: Any, key: bytes, body: bytes, now: float) -> None:
    assert not is_genuine(key, body, signature(KEY, BODY, at=SENT), now)


def test_a_signature_does_not_fit_another_time(is_genuine: Any) -> None:
    moved = signature(KEY, BODY, at=SENT).replace(f"t={SENT}", f"t={SENT + 1}")
    assert not is_genuine(KEY, BODY, moved, SENT)


def test_the_headers_and_the_delays_are_those_of_the_code() -> None:
    assert {SIGNATURE_HEADER, DELIVERY_HEADER} <= set(spans(PAGE))
    assert (retry_delay_seconds(1, 0), FIRST_RETRY_SECONDS) == (2, 4)
    assert (LONGEST_RETRY_SECONDS, LONGEST_RETRY_AFTER_SECONDS, GIVE_UP_SECONDS) == (900, 3600, 86_400)
    text = " ".join(text_of(PAGE).split())
    assert "after 2 to 4 seconds, then twice as long each time up to 15 minutes, for a day" in text
    assert "`Retry-After` is honoured up to an hour" in text
