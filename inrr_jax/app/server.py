"""The page over HTTP: a server for this machine alone, which answers only those who know its token."""

import json
import secrets
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from inrr_jax.app import uploads
from inrr_jax.app.session import Session
from inrr_jax.errors import UserError

HOST = "127.0.0.1"
"""No other machine can reach this address."""
FILES = {"/": "page.html", "/page.css": "page.css", "/page.js": "page.js"}
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".png": "image/png"}
POLICY = "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'"
"""What a browser may load for the page: nothing from another host."""


class Server:
    """Serves a session's page until `close`.

    A web page of another host cannot use the server: it would need the token, which is part of `url` and is asked for
    in a header by every request but those for the page's own files.
    """

    def __init__(self, session: Session, port: int = 0):
        """Start to listen.

        Args:
            session: the state of the page.
            port: of this machine; 0 for any that is free.

        Raises:
            UserError: the port is in use.
        """
        self.token = secrets.token_urlsafe(16)
        handler = type("BoundHandler", (Handler,), {"session": session, "token": self.token})
        try:
            self._server = ThreadingHTTPServer((HOST, port), handler)
        except OSError as error:
            raise UserError(f"port={port} cannot be used ({error.strerror}): give another one, or 0 for any") from None
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        """The port that it listens to."""
        return self._server.server_address[1]

    @property
    def path(self) -> str:
        """The path of the page, with the token."""
        return f"/?token={self.token}"

    @property
    def url(self) -> str:
        """The address of the page, with the token."""
        return f"http://{HOST}:{self.port}{self.path}"

    def run(self) -> None:
        """Answer requests until `close` or KeyboardInterrupt."""
        try:
            self._server.serve_forever(poll_interval=0.05)
        finally:
            self._server.server_close()

    def start(self) -> None:
        """Answer requests in a thread, as in a notebook."""
        threading.Thread(target=self.run, daemon=True).start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()


class Handler(BaseHTTPRequestHandler):
    """Translates requests to calls of the session."""

    session: Session
    token: str
    timeout = 60
    """Seconds after which a silent connection is closed."""

    def do_GET(self) -> None:  # noqa: N802, the name that http.server calls
        """Answer with a file of the page, a picture or the progress."""
        path = urlsplit(self.path).path
        if path in FILES:
            name = FILES[path]
            self._send(200, (Path(__file__).parent / name).read_bytes(), TYPES[Path(name).suffix])
        elif path.endswith(".png"):
            self._answer(lambda: self.session.png(path[1:-4]))
        else:
            self._answer({"/picture": self.session.describe, "/recovery": self.session.progress}.get(path))

    def do_POST(self) -> None:  # noqa: N802
        """Take a picture, damage it, start its recovery or cancel it."""
        path = urlsplit(self.path).path
        calls = {"/picture": self._picture, "/damage": self._damage, "/recovery": self._start, "/cancel": self._cancel}
        self._answer(calls.get(path))

    def log_message(self, *unused: Any) -> None:
        """Print nothing: the page polls."""

    def _picture(self) -> dict[str, Any]:
        longest = self._number("longest", 0, int)
        if self._option("given"):
            return self.session.open_given(longest)
        if bundled := self._option("bundled"):
            return self.session.open_bundled(bundled, longest)
        return self.session.open(self._body(), self._option("name") or "the file", longest)

    def _damage(self) -> bytes:
        rate, seed = self._number("rate", 0.125, float), self._number("seed", 0, int)
        return self.session.damage(self._option("kind"), rate, seed)

    def _start(self) -> dict[str, Any]:
        self.session.start(self._body(), self._option("method"), whole=self._option("whole") == "true")
        return self.session.progress()

    def _cancel(self) -> dict[str, Any]:
        self.session.cancel()
        return self.session.progress()

    def _option(self, name: str) -> str:
        return parse_qs(urlsplit(self.path).query).get(name, [""])[0]

    def _number(self, name: str, default: int | float, kind: Callable[[str], Any]) -> Any:
        text = self._option(name)
        try:
            value = kind(text) if text else default
        except ValueError:
            raise UserError(f"{name}={text} is no number: give a number of at least 0") from None
        if not 0 <= value < 2**31:
            raise UserError(f"{name}={text} is out of range: give a number of at least 0")
        return value

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        count = int(length) if length.isdecimal() else 0
        uploads.check_length(count, self.session.limits)
        return self.rfile.read(count)

    def _answer(self, call: Callable[[], Any] | None) -> None:
        """Send the result of a call: bytes as a PNG, anything else as JSON."""
        if not secrets.compare_digest(self.headers.get("X-Token", "").encode(), self.token.encode()):
            return self._json(403, {"error": "the token is missing: open the address that the command has printed"})
        if call is None:
            return self._json(404, {"error": f"there is nothing at {urlsplit(self.path).path}"})
        try:
            found = call()
        except UserError as error:
            return self._json(400, {"error": str(error)})
        except Exception as error:  # a mistake of ours: said on the page, and traced in the terminal
            self._json(500, {"error": f"{type(error).__name__}: {error}"})
            raise
        return self._send(200, found, TYPES[".png"]) if isinstance(found, bytes) else self._json(200, found)

    def _json(self, status: int, value: Any) -> None:
        self._send(status, json.dumps(value).encode(), "application/json")

    def _send(self, status: int, content: bytes, kind: str) -> None:
        if status >= 400:
            self.close_connection = True  # a body that was refused may still be unread
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text") else kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)
