"""How a receiver knows that a message is ours and of now: HMAC-SHA256 over the time and the body."""

import hashlib
import hmac


def signature(key: bytes, body: bytes, *, at: int) -> str:
    """Return the value of header Backstop-Signature. `at` is unix seconds, signed too: an old message shows its age."""
    digest = hmac.new(key, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
