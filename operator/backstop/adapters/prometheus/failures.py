"""Which error of ours an answer or a failure is (the promise of `ports.metrics.MetricsSource`)."""

import socket
import ssl
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from backstop.adapters.prometheus.api import Reply
from backstop.adapters.prometheus.envelope import NotPrometheus, parse_envelope
from backstop.adapters.prometheus.transport import Phase
from backstop.api.configuration import Source
from backstop.domain.duration import format_duration
from backstop.domain.errors import BackstopError, QueryRejected, QueryTimedOut, SourceUnreachable

MAX_MESSAGE: Final = 500  # of a server's own words: an error may quote the whole query
_GAVE_UP: Final = frozenset({"timeout", "canceled"})
_THE_QUERY_IS_WRONG: Final = frozenset({"bad_data", "execution"})


def envelope_of(reply: Reply, source: Source) -> Mapping[str, Any]:
    """Return the envelope of a successful answer. Raises SourceUnreachable, QueryTimedOut or QueryRejected."""
    refusal = _refusal_by_status(reply, source)
    if refusal is not None:
        raise refusal
    try:
        envelope = parse_envelope(reply.body)
    except NotPrometheus as exc:
        raise not_prometheus(source, exc, status=reply.status) from exc
    if envelope["status"] == "success" and reply.status == HTTPStatus.OK:
        return envelope
    raise _refusal_by_envelope(envelope, reply.status, source)


def _refusal_by_status(reply: Reply, source: Source) -> BackstopError | None:
    """Return the error where the status alone decides: what the body says cannot make it another one."""
    status = reply.status
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return SourceUnreachable(
            f"{_who(source)} does not let us in (HTTP {status}); check its auth, headerFiles and tls.certFile"
        )
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return SourceUnreachable(
            f"{_who(source)} redirects to {_without_secrets(reply.location)} (HTTP {status}); redirects are not "
            "followed, so that credentials stay here: put the final address into url"
        )
    if status == HTTPStatus.NOT_FOUND:
        return SourceUnreachable(
            f"{_who(source)} does not look like a Prometheus API: {source.url}/api/v1 is not there (HTTP 404); "
            "check the path prefix in url"
        )
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return SourceUnreachable(f"{_who(source)} has too many requests (HTTP 429); lower its concurrency")
    return None


def _refusal_by_envelope(envelope: Mapping[str, Any], status: int, source: Source) -> BackstopError:
    kind = str(envelope.get("errorType"))
    words = _shortened(str(envelope.get("error", "without a reason")))
    if kind in _GAVE_UP:
        return QueryTimedOut(f"{_who(source)} gave the query up: {words}")
    if kind in _THE_QUERY_IS_WRONG or HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return QueryRejected(f"{_who(source)} refuses the query: {words}")
    return SourceUnreachable(f"{_who(source)} answers with an error (HTTP {status}): {words}")


def not_prometheus(source: Source, found: NotPrometheus, *, status: int = HTTPStatus.OK) -> SourceUnreachable:
    """Return the error for a body that is not Prometheus's."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return SourceUnreachable(f"{_who(source)} fails (HTTP {status})")
    return SourceUnreachable(
        f"{_who(source)} does not look like a Prometheus API: HTTP {status} with {found}; check its address"
    )


def timed_out(source: Source, phase: Phase) -> SourceUnreachable:
    """Return the error for a deadline that passed in `phase`."""
    limit = format_duration(source.timeout)
    match phase:
        case Phase.WAITING:
            return QueryTimedOut(
                f"{_who(source)}: no answer within {limit}, most of it spent waiting for one of {source.concurrency} "
                "places; raise its concurrency or timeout"
            )
        case Phase.CONNECTING:
            return SourceUnreachable(f"{_who(source)}: no connection within {limit}")
        case Phase.ANSWERING:
            return QueryTimedOut(f"{_who(source)}: no complete answer within {limit}")


def is_timeout(failure: BaseException) -> bool:
    """Return whether a socket's time was up; sockets get all the time that is left, so then the call's was too."""
    return any(isinstance(cause, TimeoutError | requests.Timeout) for cause in _chain(failure))


def connection_failed(source: Source, failure: BaseException) -> SourceUnreachable:
    """Return the error for an exchange that broke, by its innermost cause."""
    return SourceUnreachable(f"{_who(source)}: {_cause(list(_chain(failure)))}")


def too_large(source: Source, limit_bytes: int) -> QueryRejected:
    """Return the error for an answer over the limit; asking again would not make it smaller."""
    limit = f"{limit_bytes / 1024 / 1024:g} MiB"
    return QueryRejected(f"{_who(source)}: the answer is larger than {limit}; aggregate the query to fewer series")


def closed(source: Source) -> SourceUnreachable:
    return SourceUnreachable(f"source {source.name} is closed")


def _cause(causes: list[BaseException]) -> str:
    for cause in reversed(causes):
        match cause:
            case socket.gaierror():
                return f"its host name cannot be resolved ({cause.strerror})"
            case ssl.SSLCertVerificationError():
                return f"its certificate is not trusted ({cause.verify_message}); check tls.caFile and the host in url"
            case ssl.SSLError():
                return f"TLS failed ({cause.strerror}); check the scheme of url and tls.certFile"
            case ConnectionRefusedError():
                return "the connection is refused; nothing listens there"
            case OSError() if cause.strerror:
                return f"the connection failed: {cause.strerror}" + (f" ({cause.filename})" if cause.filename else "")
            case OSError() if type(cause) is OSError and cause.args:  # requests, about a file of ours that is missing
                return str(cause.args[0])
    innermost = causes[-1]
    return f"the connection broke ({type(innermost).__name__})"


def _chain(failure: BaseException) -> Iterator[BaseException]:
    """Yield the failure and what it wraps, outermost first: requests and urllib3 wrap in an argument or a reason."""
    seen: set[int] = set()
    inside: BaseException | None = failure
    while inside is not None and id(inside) not in seen:
        seen.add(id(inside))
        yield inside
        wrapped = [getattr(inside, "reason", None), *inside.args, inside.__cause__, inside.__context__]
        inside = next((each for each in wrapped if isinstance(each, BaseException)), None)


def _who(source: Source) -> str:
    return f"source {source.name} ({source.url})"


def _shortened(words: str) -> str:
    return words if len(words) <= MAX_MESSAGE else words[: MAX_MESSAGE - 1] + "…"


def _without_secrets(location: str | None) -> str:
    """Return scheme, host and path of an address: a login page may carry tokens in the rest."""
    parts = urlsplit(location or "")
    return _shortened(f"{parts.scheme}://{parts.hostname}{parts.path}" if parts.hostname else parts.path or "nowhere")
