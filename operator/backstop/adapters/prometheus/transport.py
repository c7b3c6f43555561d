"""One HTTP exchange that really ends: at its deadline, or when the caller no longer wants it.

The timeouts of `requests` bound each read from the socket, so a server that sends one byte a second is never late, in
headers and TLS handshake as little as in the body; and nothing can stop a thread that reads. Here every socket of a
call is known to the call: `abort` shuts them down from any thread, and the blocked read returns at once.

What stays out of reach is the resolver: a thread inside `getaddrinfo` is free again when the resolver gives up.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from enum import IntEnum
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection

READ_BYTES: Final = 65_536


class Phase(IntEnum):
    """How far a call came; tells a slow query from a source that is away."""

    WAITING = 0  # for a free place
    CONNECTING = 1  # name resolution, TCP, TLS
    ANSWERING = 2  # the request is under way


class Aborted(Exception):
    """The call was aborted; whoever did it knows why."""


class AnswerTooLarge(Exception):
    """The decoded body is larger than allowed."""


class Call:
    """One exchange: its deadline, how far it came, and the sockets to cut. Used once, by one worker thread."""

    def __init__(self, seconds: float) -> None:
        self.phase = Phase.WAITING
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._aborted = False
        self._left_after_waiting = 0.0

    @property
    def slow_phase(self) -> Phase:
        """What to blame for a deadline that passed.

        A call that got its place late has itself no time left to connect: that says nothing about the source.
        """
        return self.phase if self._left_after_waiting > self._seconds / 2 else Phase.WAITING

    def remaining(self) -> float:
        """Return the seconds left. Raises Aborted, or TimeoutError when there are none."""
        if self._aborted:
            raise Aborted
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def abort(self) -> None:
        """End the exchange, from any thread; harmless when it has ended."""
        with self._lock:
            self._aborted = True
            for lifeline in self._sockets:
                _shut_down(lifeline)

    def watch(self, sock: socket.socket) -> None:
        """Let `abort` cut this socket too."""
        # A duplicate of the descriptor: TLS takes the socket object over, and http.client closes its own while the body
        # is still read. Shutting down reaches the connection behind all of them.
        lifeline = socket.socket(fileno=os.dup(sock.fileno()))
        with self._lock:
            self._sockets.append(lifeline)
            if self._aborted:
                _shut_down(lifeline)

    @contextlib.contextmanager
    def under_way(self) -> Iterator[None]:
        """Make this the call that connections opened or used in the present thread belong to."""
        self._left_after_waiting = self.remaining()
        self.phase = Phase.CONNECTING
        token = _current_call.set(self)
        try:
            yield
        finally:
            _current_call.reset(token)
            with self._lock:
                for lifeline in self._sockets:
                    lifeline.close()
                self._sockets.clear()


_current_call: ContextVar[Call] = ContextVar("call")


def read_body(response: requests.Response, call: Call, *, limit_bytes: int) -> bytes:
    """Return the decoded body. Raises AnswerTooLarge, TimeoutError, Aborted, or what urllib3 raises."""
    body = bytearray()
    # read1 returns what one read of the socket gave; read would wait until its buffer is full.
    while piece := response.raw.read1(READ_BYTES, decode_content=True):
        body += piece
        if len(body) > limit_bytes:
            raise AnswerTooLarge
        call.remaining()
    return bytes(body)


class Transport(HTTPAdapter):
    """A pool of exactly `concurrency` connections; nothing is retried here, not even hidden."""

    def __init__(self, *, concurrency: int) -> None:
        super().__init__(
            pool_connections=1, pool_maxsize=concurrency, pool_block=True, max_retries=Retry(0, read=False)
        )

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def close(self) -> None:
        pools = self.poolmanager.pools
        for key in pools.keys():  # noqa: SIM118  it refuses to be iterated directly, for the sake of threads
            pools[key].close()  # urllib3 would leave that to the garbage collector
        super().close()


class _OwnedByCall(HTTPConnection):
    """A connection whose socket the present call can cut."""

    def _new_conn(self) -> socket.socket:
        # The only place of urllib3 that sees the socket before the TLS handshake.
        return _connect(_current_call.get(), self._dns_host, self.port, self.socket_options or ())

    def request(self, *args: Any, **kwargs: Any) -> None:
        call = _current_call.get()
        if self.sock is None:
            self.connect()
        else:
            call.watch(self.sock)
        call.phase = Phase.ANSWERING
        super().request(*args, **kwargs)


class _Connection(_OwnedByCall):
    """A plain connection."""


class _TlsConnection(_OwnedByCall, HTTPSConnection):
    """A TLS connection; certificates are read anew for each, so that rotated ones are used."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def _connect(call: Call, host: str, port: int | None, options: Any) -> socket.socket:
    """Connect to the first address that answers. The time left is shared by the addresses that are left."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: OSError = OSError("the name has no address")
    for tried, (family, kind, protocol, _, address) in enumerate(addresses):
        seconds = call.remaining() / (len(addresses) - tried)
        sock = socket.socket(family, kind, protocol)
        try:
            for option in options:
                sock.setsockopt(*option)
            call.watch(sock)
            sock.settimeout(seconds)
            sock.connect(address)
            sock.settimeout(call.remaining())
        except OSError as exc:
            sock.close()
            failure = exc
        except Aborted:
            sock.close()
            raise
        else:
            return sock
    raise failure


def _shut_down(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # not connected, or already cut by the other side
        sock.shutdown(socket.SHUT_RDWR)
