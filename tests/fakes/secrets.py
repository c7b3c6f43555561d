"""Secrets in memory."""

from backstop.domain.errors import SecretMissing
from backstop.domain.notification_channel import SecretKey


class StoredSecrets:
    """Implements ports.notifier.SecretReader; `fail_with` is raised instead of reading while it is set."""

    def __init__(self, values: dict[tuple[str, str, str], bytes]) -> None:
        self.values = values
        self.fail_with: Exception | None = None
        self.reads = 0

    async def read_secret(self, namespace: str, key: SecretKey) -> bytes:
        self.reads += 1
        if self.fail_with is not None:
            raise self.fail_with
        try:
            return self.values[namespace, key.name, key.key]
        except KeyError:
            raise SecretMissing(f"there is no Secret {key.name} in namespace {namespace}") from None
