"""What single fields of the configuration may hold.

Every function returns its argument or raises ValueError with the fix. No message repeats a value that may be a secret.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Final
from urllib.parse import urlsplit

_DNS_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_HOST: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*")
_PATTERN: Final = re.compile(r"[-a-z0-9*?]{1,63}")
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")  # a token, RFC 9110 section 5.6.2
_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e]([\x20-\x7e]{0,2046}[\x21-\x7e])?")
_LABEL_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,127}")
# Set by the connection itself: a second value would break the request or the framing.
_OWN_HEADERS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "te",
        "transfer-encoding",
        "upgrade",
    }
)
_MAX_MATCHER_VALUE: Final = 256


def name(value: str) -> str:
    if not _DNS_LABEL.fullmatch(value):
        raise ValueError(f"{value!r} is no name; use lower-case letters, digits and `-`, such as `default`")
    return value


def url(value: str) -> str:
    """Return the address without a slash at its end."""
    try:
        parts = urlsplit(value)
        port_is_wrong = parts.port == 0
        (parts.hostname or "").encode("idna")  # as the resolver will; refuses empty and over-long labels
    except ValueError as exc:
        raise ValueError("is no address; write it as http://prometheus.monitoring:9090") from exc
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds credentials; remove them and use auth.basic")
    if parts.query or parts.fragment or value.endswith(("?", "#")):
        raise ValueError("ends in a query or fragment; keep only scheme, host, port and path")
    if parts.scheme not in {"http", "https"} or not parts.hostname or port_is_wrong or re.search(r"[\s\\]", value):
        raise ValueError("is no http or https address; write it as http://prometheus.monitoring:9090")
    return value.rstrip("/")


def namespace_patterns(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("is empty, so nobody could use this source; name namespaces, or `*` for all")
    for value in values:
        if not _PATTERN.fullmatch(value):
            raise ValueError(f"{value!r} is no namespace and no pattern of one, such as `shop`, `team-*` or `*`")
    return values


def namespaces(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not _DNS_LABEL.fullmatch(value):
            raise ValueError(f"{value!r} is no namespace; patterns are not possible here, leave the list empty for all")
    return values


def host_patterns(values: tuple[str, ...]) -> tuple[str, ...]:
    """Return hosts in lower case, each a name, an IPv4 address, or `*.` before a name."""
    for value in values:
        if not _HOST.fullmatch(value.lower().removeprefix("*.")):
            raise ValueError(
                f"{value!r} is no host, such as hooks.example.com or *.example.com; leave scheme and port out"
            )
    return tuple(value.lower() for value in values)


def networks(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        try:
            ip_network(value)
        except ValueError as exc:
            raise ValueError(f"{value!r} is no network, such as 10.20.0.0/16: {exc}") from None
    return values


def header_names(values: Mapping[str, str]) -> Mapping[str, str]:
    for header in values:
        if not _HEADER_NAME.fullmatch(header):
            raise ValueError(f"{header!r} is no header name")
        if header.lower() in _OWN_HEADERS:
            raise ValueError(f"the header {header} is set by Backstop itself; remove it")
    return values


def headers(values: Mapping[str, str]) -> Mapping[str, str]:
    header_names(values)
    for header, value in values.items():
        if header.lower() in {"authorization", "proxy-authorization", "cookie"}:
            raise ValueError(
                f"the header {header} is a secret; use auth, or put its value into a file named in headerFiles"
            )
        if not is_header_value(value):
            raise ValueError(f"the value of header {header} is empty or has characters outside printable ASCII")
    return values


def is_header_value(value: str) -> bool:
    """Return whether `value` can stand in a header line: printable ASCII, no space at its ends, no line break."""
    return _HEADER_VALUE.fullmatch(value) is not None


def headers_once(plain: Mapping[str, str], from_files: Mapping[str, str], *, authenticated: bool) -> None:
    seen = {"authorization": "auth"} if authenticated else {}
    for field, values in (("headers", plain), ("headerFiles", from_files)):
        for header in values:
            before = seen.setdefault(header.lower(), field)
            if before != field or sum(other.lower() == header.lower() for other in values) > 1:
                raise ValueError(f"the header {header} is set twice, by {before} and {field}; keep one")


def enforced_matchers(values: Mapping[str, str]) -> Mapping[str, str]:
    for label, value in values.items():
        if not _LABEL_NAME.fullmatch(label) or label == "__name__":
            raise ValueError(f"{label!r} is no label name, such as `namespace`")
        if not value or len(value) > _MAX_MATCHER_VALUE:
            raise ValueError(f"the value of {label} must have 1 to {_MAX_MATCHER_VALUE} characters")
        if "$" in value and value != "$namespace":
            raise ValueError(
                f"the value of {label} is neither `$namespace` nor plain text; `$` has no other meaning here"
            )
    return values
