"""Measures every scenario and writes the tables of docs/explanation/accuracy.md: `python -m tests.replay`."""

import asyncio
import tempfile
from pathlib import Path

from tests.history.scenario import store
from tests.history.scenarios import scenarios
from tests.prometheus_server import PrometheusServer
from tests.replay.report import PAGE, measure, tables, written


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="backstop-accuracy-") as folder:
        print("storing the histories", flush=True)
        store(scenarios(), Path(folder) / "data")
        server = PrometheusServer(Path(folder))
        server.start()
        try:
            measured = asyncio.run(measure(server.url))
        finally:
            server.stop()
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), tables(measured)), encoding="utf-8")
    print(f"wrote {PAGE.name}")


if __name__ == "__main__":
    main()
