"""Records that the operator keeps in the cluster: objects that nobody else writes, so that a restart forgets nothing.

Every write names the version that it was decided on, so of two that decide at once one gets a Conflict and decides
again (semantics K7).
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

Body = Mapping[str, Any]  # an object as the API server has it


class RecordStore(Protocol):
    """The records of one kind. All calls raise AccessDenied (with the missing rule) and ClusterUnavailable."""

    async def create(self, body: Body) -> Body | None:
        """Store a new object, without its status, and return it; None where its namespace is gone.

        Raises Conflict when there is one of that name.
        """
        ...

    async def read(self, namespace: str, name: str) -> Body | None:
        """Return the object as it is stored now; None when there is none."""
        ...

    async def list_all(self, deliver: Callable[[Body], None]) -> bool:
        """Call `deliver` for each object as it is stored now, all of a consistent LIST.

        Returns False when the cluster does not know the kind. What was delivered before an error is of no moment.
        """
        ...

    async def write_status(self, namespace: str, name: str, version: str, status: Mapping[str, Any]) -> Body | None:
        """Replace the status of the object as it was read at `version`, and return it; None when it is gone.

        Raises Conflict when it moved on.
        """
        ...

    async def drop_annotations(self, namespace: str, name: str, version: str, names: Collection[str]) -> Body | None:
        """Take annotations away, as `write_status` writes."""
        ...

    async def delete(self, namespace: str, name: str, uid: str, version: str) -> None:
        """Delete the object as it was read at `version`; nothing happens when it is gone. Raises Conflict."""
        ...
