"""What the Kubernetes API can answer, in the words of the domain.

401 and 5xx, 429, no answer, no JSON   ClusterUnavailable   the same call may succeed later
other 4xx                              Rejected             a kind of ClusterUnavailable: server and operator disagree
403                                    AccessDenied         the message prints the rule that is missing
403 in a namespace that is going away  NotFound             whatever we wanted there is going away too
404                                    NotFound             only inside this adapter; callers know what it means
409                                    Conflict             or AlreadyExists, a kind of Conflict
410                                    Expired              only inside this adapter: a LIST has to begin anew
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from backstop.adapters.kubernetes.calls import ApiCall
from backstop.domain.errors import AccessDenied, BackstopError, ClusterUnavailable, Conflict

_SHOWN_CHARACTERS: Final = 500  # of a foreign message


class NotFound(BackstopError):
    """The object, its namespace or its kind does not exist. `kind_missing`: the server does not know the kind."""

    def __init__(self, message: str, *, kind_missing: bool = False) -> None:
        super().__init__(message)
        self.kind_missing = kind_missing


class AlreadyExists(Conflict):
    """Somebody created it first."""


class Expired(BackstopError):
    """The continuation of a LIST is too old."""


class Rejected(ClusterUnavailable):
    """The server refuses the content. Another version of the CRDs or of the server is the usual cause."""


def error_of(call: ApiCall, http_status: int, body: bytes) -> BackstopError:
    """Translate an answer outside 2xx."""
    status = _status_object(body)
    message = str(status.get("message") or body[:_SHOWN_CHARACTERS].decode(errors="replace").strip())
    text = f"{call}: {http_status}: {message[:_SHOWN_CHARACTERS]}"
    match http_status:
        case 403 if _namespace_is_going_away(status):
            return NotFound(text)
        case 403 if " cannot " in message:  # RBAC; a policy or quota that says no has words of its own
            return AccessDenied(f"{text}; grant {call.rule}{_where(call)}")
        case 403:
            return AccessDenied(text)
        case 404:
            # For an unknown object the server names it; for an unknown kind it knows nothing to name.
            return NotFound(text, kind_missing=not (status.get("details") or {}).get("name"))
        case 409:
            return AlreadyExists(text) if status.get("reason") == "AlreadyExists" else Conflict(text)
        case 410:
            return Expired(text)
        case 401 | 429:
            return ClusterUnavailable(text)
        case _ if 400 <= http_status < 500:  # noqa: PLR2004  the class of an HTTP status
            return Rejected(text)
        case _:
            return ClusterUnavailable(text)


def _where(call: ApiCall) -> str:
    return f" in namespace {call.namespace}" if call.namespace else " in a ClusterRole"


def _namespace_is_going_away(status: Mapping[str, Any]) -> bool:
    causes = (status.get("details") or {}).get("causes") or ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


def _status_object(body: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
