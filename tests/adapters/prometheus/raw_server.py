"""A server on raw sockets, for answers that no HTTP library would give: dripping, endless, cut off, hanging."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

SUCCESS = {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": [1, "1"]}]}}


@dataclass(frozen=True, slots=True)
class Request:
    line: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    peer: tuple[str, int]  # tells connections apart

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


class Connection:
    """One connection, as a behaviour sees it."""

    def __init__(self, sock: socket.socket, request: Request) -> None:
        self._socket = sock
        self.request = request

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def reply(self, body: bytes | object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Send a whole answer; an object is sent as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.send("\r\n".join([*lines, "", ""]).encode() + content)

    def drip(self, data: bytes, *, pause: float = 0.02) -> None:
        """Send byte by byte until the other side has gone; never ends by itself, `data` is repeated."""
        try:
            while not self.gone(within=0):
                for byte in data:
                    self.send(bytes([byte]))
                    if self.gone(within=pause):
                        return
        except OSError:
            return

    def flood(self, data: bytes) -> None:
        """Send as fast as possible until the other side has gone."""
        try:
            while True:
                self.send(data)
        except OSError:
            return

    def cut(self) -> None:
        """End the connection where it is."""
        _shut_down(self._socket)

    def gone(self, *, within: float) -> bool:
        """Return whether the other side hung up within some seconds."""
        self._socket.settimeout(within or 0.001)
        try:
            return self._socket.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True
        finally:
            self._socket.settimeout(None)


Behaviour = Callable[[Connection], None]


def succeed(connection: Connection) -> None:
    connection.reply(SUCCESS)


class RawServer:
    """Records every request and leaves the answer to `behaviour`, which is called in a thread of its own."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.behaviour: Behaviour = succeed
        self.requests: list[Request] = []
        self.hung_up = threading.Event()  # set by `hang` when the other side has gone
        self.in_flight = 0
        self.max_in_flight = 0
        self._lock = threading.Lock()
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._open)

    def hang(self, connection: Connection) -> None:
        """Behaviour: never answer."""
        if connection.gone(within=30):
            self.hung_up.set()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for sock in self._open:
                _shut_down(sock)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                sock, peer = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(sock, peer), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket, peer: tuple[str, int]) -> None:
        handle = sock.dup()  # stays usable when TLS takes the socket over
        with self._lock:
            self._open.add(handle)
        try:
            if self._tls is not None:
                sock = self._tls.wrap_socket(sock, server_side=True)
            with sock, sock.makefile("rb") as reader:
                while (request := _read_request(reader, peer)) is not None:
                    self._answer(Connection(sock, request))
        except OSError:
            return  # refused TLS, or the other side left
        finally:
            sock.close()
            with self._lock:
                self._open.remove(handle)
                handle.close()

    def _answer(self, connection: Connection) -> None:
        with self._lock:
            self.requests.append(connection.request)
            self.in_flight += 1
            self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            self.behaviour(connection)
        finally:
            with self._lock:
                self.in_flight -= 1


def _read_request(reader: object, peer: tuple[str, int]) -> Request | None:
    line = reader.readline().decode("latin-1").strip()
    if not line:
        return None
    headers = {}
    while header := reader.readline().decode("latin-1").strip():
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return Request(line, headers, reader.read(int(headers.get("content-length", 0))), peer)


def _shut_down(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
