"""A real PostgreSQL on loopback, with few connections, clients that hold them, and its exporter.

    with PostgresServer(max_connections=20) as database, PostgresExporter(database) as exporter:
        with database.exhausted():          # clients take every connection that clients may have
            ...                             # http://{exporter.target}/metrics tells it

Debian's packages `postgresql` and `prometheus-postgres-exporter` are installed where they are missing.
"""

import contextlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import requests

from tests.cluster.packages import ensure, postgresql_programs
from tests.cluster.shell import find_program
from tests.prometheus_server import PATIENCE_SECONDS, POLL_SECONDS, free_port, wait_until

SUPERUSER: Final = "postgres"
CLIENT: Final = "shop"  # a role without special rights, as applications have
RESERVED: Final = 3  # connections that PostgreSQL keeps back for superusers
_PROTOCOL: Final = 196_608  # version 3.0 of the frontend/backend protocol


class ConnectionRefused(Exception):
    """The server took no further client; the text is its own."""


class PostgresServer:
    """One PostgreSQL process with a data folder of its own, which is removed in the end."""

    def __init__(self, *, max_connections: int, address: str = "127.0.0.1") -> None:
        ensure("postgresql")
        self.max_connections = max_connections
        self.address = address
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="backstop-postgres-"))
        # PostgreSQL refuses to run as root; the package has made a user for it.
        self._as_user = {"user": "postgres", "group": "postgres", "extra_groups": ()} if os.geteuid() == 0 else {}
        if self._as_user:
            shutil.chown(self._folder, "postgres", "postgres")
        self._process: subprocess.Popen[bytes] | None = None
        self.log = self._folder / "postgres.log"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def client_connections(self) -> int:
        """How many connections clients without special rights may have together."""
        return self.max_connections - RESERVED

    def connect(self, user: str = CLIENT) -> socket.socket:
        """Return an open session that does nothing. Raises ConnectionRefused with the server's words."""
        connection = socket.create_connection((self.address, self.port), timeout=PATIENCE_SECONDS)
        try:
            _log_in(connection, user)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextlib.contextmanager
    def exhausted(self) -> Iterator[Sequence[socket.socket]]:
        """Hold every connection that clients may have, and take each one that becomes free, as waiting clients do.

        The sequence is what is held; the server has refused another one before it is handed out.
        """
        sessions: list[socket.socket] = []
        over = threading.Event()

        def take_all() -> None:
            with contextlib.suppress(ConnectionRefused):
                while not over.is_set():
                    sessions.append(self.connect())

        def keep_taking() -> None:
            while not over.wait(POLL_SECONDS):
                take_all()

        clients = threading.Thread(target=keep_taking, name="clients", daemon=True)
        try:
            take_all()
            clients.start()
            yield sessions
        finally:
            over.set()
            if clients.ident is not None:
                clients.join(PATIENCE_SECONDS)
            for session in sessions:
                session.close()

    def _start(self) -> None:
        programs, data = postgresql_programs(), self._folder / "data"
        assert programs is not None
        self._run(programs / "initdb", f"--pgdata={data}", f"--username={SUPERUSER}", "--auth=trust", "--no-sync")
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    programs / "postgres",
                    "-D", data,
                    "-p", str(self.port),
                    "-h", self.address,
                    "-c", f"max_connections={self.max_connections}",
                    "-c", f"superuser_reserved_connections={RESERVED}",
                    "-c", "unix_socket_directories=",
                    "-c", "fsync=off",
                ],
                stdout=log,
                stderr=log,
                cwd=self._folder,
                **self._as_user,
            )  # fmt: skip
        wait_until(self._is_ready, f"PostgreSQL ready at {self.address}:{self.port}, log {self.log}")
        self._run(
            programs / "createuser",
            f"--host={self.address}", f"--port={self.port}", f"--username={SUPERUSER}", CLIENT,
        )  # fmt: skip

    def _run(self, *command: str | Path) -> None:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=self._folder, timeout=PATIENCE_SECONDS,
            **self._as_user,
        )  # fmt: skip
        assert done.returncode == 0, f"{command[0]}: {done.stderr}"

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        try:
            self.connect(SUPERUSER).close()
        except (OSError, ConnectionRefused):  # nobody listens yet, or "the database system is starting up"
            return False
        return True

    def _stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)  # at once: the data are not needed any more
            self._process.wait(PATIENCE_SECONDS)
        shutil.rmtree(self._folder, ignore_errors=True)


class PostgresExporter:
    """prometheus-postgres-exporter of Debian. It logs in as a superuser, so that a full server does not shut it out."""

    def __init__(self, database: PostgresServer, *, address: str = "127.0.0.1") -> None:
        ensure("prometheus-postgres-exporter")
        program = find_program("prometheus-postgres-exporter")
        assert program is not None
        self.target = f"{address}:{free_port()}"
        self._command = [program, f"--web.listen-address={self.target}", "--log.level=warn"]
        where = f"{database.address}:{database.port}"
        self._environment = {"DATA_SOURCE_NAME": f"postgresql://{SUPERUSER}@{where}/postgres?sslmode=disable"}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, env=self._environment, stderr=subprocess.DEVNULL)
        wait_until(self._is_ready, f"the exporter answers at {self.target}")

    def stop(self) -> None:
        """End it; nothing happens when it does not run."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_SECONDS)
            self._process = None

    def metrics(self, *names: str) -> list[str]:
        """Return the lines of these metrics that are not 0."""
        lines = requests.get(f"http://{self.target}/metrics", timeout=PATIENCE_SECONDS).text.splitlines()
        return [line for line in lines if line.startswith(names) and not line.endswith(" 0")]

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the exporter ended at once"
        try:
            return bool(self.metrics("pg_up"))
        except requests.RequestException:
            return False


def _log_in(connection: socket.socket, user: str) -> None:
    """Begin a session in the protocol's own messages: https://www.postgresql.org/docs/15/protocol-message-formats.html"""
    parameters = f"user\0{user}\0database\0postgres\0\0".encode()
    connection.sendall(struct.pack("!ii", len(parameters) + 8, _PROTOCOL) + parameters)
    while (answer := _message(connection))[0] != b"Z":  # ready for queries
        if answer[0] == b"E":
            raise ConnectionRefused(_error_text(answer[1]))


def _message(connection: socket.socket) -> tuple[bytes, bytes]:
    kind, length = struct.unpack("!ci", _exactly(connection, 5))
    return kind, _exactly(connection, length - 4)


def _exactly(connection: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        part = connection.recv(count - len(got))
        if not part:
            raise ConnectionRefused("the server closed the connection")
        got += part
    return got


def _error_text(body: bytes) -> str:
    fields = {field[:1]: field[1:].decode() for field in body.split(b"\0") if field}
    return f"{fields.get(b'S')}: {fields.get(b'M')}"
