"""What a pod's own record says of it, as yes or no."""

from collections.abc import Mapping
from typing import Any, Final

# Why a container waits although nothing is left to wait for: it will not come up by itself.
_STUCK: Final = frozenset(
    {
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "InvalidImageName",
        "ErrImageNeverPull",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)
_REPEATEDLY: Final = 2  # once can be a single large request


def is_expected_to_serve(pod: Mapping[str, Any]) -> bool:
    """False for a pod on its way out, and for one that ran to its end: evicted pods stay listed for hours."""
    if (pod.get("metadata") or {}).get("deletionTimestamp"):
        return False
    return (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")


def is_ready(pod: Mapping[str, Any]) -> bool:
    """True when the pod's Ready condition is."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(item.get("type") == "Ready" and item.get("status") == "True" for item in conditions)


def is_failing(pod: Mapping[str, Any]) -> bool:
    """True when the pod is not ready, stuck, or killed for memory repeatedly, even while it is ready in between."""
    if not is_ready(pod):
        return True
    status = pod.get("status") or {}
    containers = (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ()))
    return any(_is_stuck(container) or _runs_out_of_memory(container) for container in containers)


def _is_stuck(container: Mapping[str, Any]) -> bool:
    waiting = (container.get("state") or {}).get("waiting") or {}
    return waiting.get("reason") in _STUCK


def _runs_out_of_memory(container: Mapping[str, Any]) -> bool:
    last = (container.get("lastState") or {}).get("terminated") or {}
    return last.get("reason") == "OOMKilled" and (container.get("restartCount") or 0) >= _REPEATEDLY
