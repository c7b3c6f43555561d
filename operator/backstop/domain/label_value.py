"""Values of labels as they are shown: bounded, and different where the values are."""

import hashlib

from backstop.vocabulary import MAX_LABEL_VALUE

_DIGITS = 8  # of a hash: 100 groups of an SLO are told apart


def shown_value(value: str) -> str:
    """Return a value that is text of at most MAX_LABEL_VALUE characters; what is cut ends in a hash of the whole."""
    text = value.encode("utf-8", "replace").decode()  # half of a surrogate pair is no text
    if text == value and len(value) <= MAX_LABEL_VALUE:
        return value
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return f"{text[: MAX_LABEL_VALUE - _DIGITS - 1]}…{digest}"
