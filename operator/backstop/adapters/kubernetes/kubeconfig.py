"""Reads from the user's kubeconfig what is no credential."""

from pathlib import Path
from typing import Final

from kubernetes.aio.config import ConfigException
from kubernetes.aio.config.kube_config import list_kube_config_contexts

DEFAULT_NAMESPACE: Final = "default"


def namespace_of_context(kubeconfig: Path | None, context: str | None) -> str:
    """Return the namespace of a context (None: the current one), `default` where none is set or no file exists."""
    try:
        contexts, active = list_kube_config_contexts(str(kubeconfig) if kubeconfig else None)
    except ConfigException:
        return DEFAULT_NAMESPACE  # connecting says what is wrong with the file
    chosen = active if context is None else next((c for c in contexts if c["name"] == context), None)
    return ((chosen or {}).get("context") or {}).get("namespace") or DEFAULT_NAMESPACE
