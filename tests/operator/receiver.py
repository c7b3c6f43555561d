"""Who is told: a webhook receiver of a customer's own, on loopback, for tests that are not asynchronous."""

import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

KEY: Final = b"a-signing-key-of-32-bytes-or-more"


class WebhookReceiver:
    """Takes messages over HTTP and checks their signatures. `refusing` makes it answer 503."""

    def __init__(self) -> None:
        self.refusing = False
        self._lock = threading.Lock()
        self._messages: list[dict[str, Any]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver._take(body, self.headers["Backstop-Signature"]))
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/backstop"

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What was taken, repetitions under the same id included."""
        with self._lock:
            return list(self._messages)

    def about(self, cause: str) -> list[dict[str, Any]]:
        """The messages of one cause, each id once."""
        return list({message["id"]: message for message in self.messages if message["cause"] == cause}.values())

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, body: bytes, signature: str) -> int:
        parts = dict(part.split("=", 1) for part in signature.split(","))
        expected = hmac.new(KEY, parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, parts["v1"]):
            return 401
        if self.refusing:
            return 503
        with self._lock:
            self._messages.append(json.loads(body))
        return 204
