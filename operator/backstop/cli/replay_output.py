"""Where the records of a replay go: standard output or a file, as text or as a picture."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from backstop.cli.replay_run import Records
from backstop.cli.replay_text import csv_text, json_line, table_text
from backstop.domain.slo import SLO

_TEXT: Final[Mapping[str, Callable[[Records], str]]] = {
    "table": lambda records: (
        f"{table_text(records.rows, records.changes, records.alerts if records.with_alerts else None)}\n"
    ),
    "csv": lambda records: csv_text(records.rows),
    "json": lambda records: "".join(f"{json_line(record)}\n" for record in records.all),
}


def write(form: str, file: Path | None, records: Records, slos: Sequence[SLO]) -> None:
    """Write all records in that form. What was printed as it came is not printed again."""
    if form == "png" and file is not None:
        from backstop.cli.replay_picture import draw  # noqa: PLC0415  needs matplotlib, which is optional

        draw(file, records.rows, records.changes, slos)
    elif file is not None:
        file.write_text(click.unstyle(_TEXT[form](records)), encoding="utf-8")
    elif not records.streamed:
        click.echo(_TEXT[form](records), nl=False)
