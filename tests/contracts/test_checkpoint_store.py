from pathlib import Path

import pytest

from backstop.adapters.store.checkpoints import SqliteCheckpoints
from tests.contracts.checkpoint_store import CheckpointStoreContract
from tests.fakes.checkpoints import FakeCheckpointStore


class TestFakeCheckpointStore(CheckpointStoreContract):
    @pytest.fixture
    async def store(self):
        return FakeCheckpointStore()

    @pytest.fixture
    async def away(self):
        store = FakeCheckpointStore()
        store.fail()
        return store


class TestSqliteCheckpoints(CheckpointStoreContract):
    @pytest.fixture
    async def store(self, tmp_path: Path):
        store = SqliteCheckpoints(tmp_path, volume_bytes=2**26, on_set_aside=pytest.fail)
        yield store
        await store.close()

    @pytest.fixture
    async def away(self, tmp_path: Path):
        store = SqliteCheckpoints(tmp_path / "not mounted", volume_bytes=2**26, on_set_aside=pytest.fail)
        yield store
        await store.close()
