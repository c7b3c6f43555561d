"""Fills a real PostgreSQL with sessions and shows what its exporter tells: python -m tests.pool"""

from tests.pool.postgres import ConnectionRefused, PostgresExporter, PostgresServer

MAX_CONNECTIONS = 20
SHOWN = (
    "pg_up",
    "pg_stat_activity_count",
    "pg_settings_max_connections",
    "pg_settings_superuser_reserved_connections",
)


def show(title: str, exporter: PostgresExporter) -> None:
    print(f"\n{title}")
    for line in exporter.metrics(*SHOWN):
        print(f"  {line}")


def main() -> None:
    with (
        PostgresServer(max_connections=MAX_CONNECTIONS) as database,
        PostgresExporter(database) as exporter,
    ):
        show("before", exporter)
        with database.exhausted() as sessions:
            show(f"{len(sessions)} clients hold a session each", exporter)
            try:
                database.connect().close()
            except ConnectionRefused as refused:
                print(f"\nthe next client: {refused}")
        show("after", exporter)


if __name__ == "__main__":
    main()
