"""What follows the objects of one kind beside SLOs."""

from collections.abc import Mapping
from typing import Any, Protocol


class Follower(Protocol):
    """Takes what the watch and the LISTs tell of a kind, and works on it until cancelled. One event loop."""

    def on_object(self, body: Mapping[str, Any]) -> None:
        """Take an object as it is now in the cluster."""
        ...

    def on_deleted(self, uid: str) -> None:
        """Take the deletion of an object."""
        ...

    def on_synced(self, uids: frozenset[str]) -> None:
        """Take the uids of a complete LIST: what is held beyond them was deleted unseen."""
        ...

    async def run(self) -> None:
        """Work until cancelled."""
        ...
