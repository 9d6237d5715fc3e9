"""The server: who may use it, what it answers, and that it stays on this machine."""

import json
import urllib.error
import urllib.request

import pytest

from inrr_jax.app.server import Server
from inrr_jax.app.session import Session
from inrr_jax.app.uploads import Limits
from inrr_jax.errors import UserError


@pytest.fixture(scope="module")
def server():
    served = Server(Session(limits=Limits(megabytes=0.001)))
    served.start()
    yield served
    served.close()


def ask(server, path, body=None, token=None):
    headers = {"X-Token": server.token if token is None else token}
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_it_listens_on_this_machine_alone(server):
    assert server.url.startswith("http://127.0.0.1:")
    assert server._server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("path", ["/picture", "/picture.png", "/recovery", "/cancel", "/damage?kind=text"])
def test_nothing_is_answered_without_the_token(server, path):
    for body in (None, b"x"):
        status, _, content = ask(server, path, body, token="guess")
        assert status == 403
        assert "token" in json.loads(content)["error"]


def test_its_page_loads_nothing_from_another_host(server):
    for path in ("/", "/page.js", "/page.css"):
        status, headers, content = ask(server, path, token="")
        assert status == 200
        assert b"//" not in content.replace(b"// ", b"")
        assert "default-src 'self'" in headers["Content-Security-Policy"]


def test_a_picture_is_opened_and_damaged(server):
    size = json.loads(ask(server, "/picture?bundled=camera&longest=32", b"")[2])
    assert (size["height"], size["width"], size["channels"]) == (32, 32, 1)
    status, headers, content = ask(server, "/damage?kind=text&rate=0.2&seed=1", b"")
    assert (status, headers["Content-Type"], content[:4]) == (200, "image/png", b"\x89PNG")
    assert ask(server, "/picture.png")[2][:4] == b"\x89PNG"


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/picture?name=a.txt", b"hello", 400, "'a.txt' is no picture"),
        ("/picture?name=a.png", b"x" * 2000, 400, "at most 0.001 MB"),
        ("/picture?bundled=camera&longest=ten", b"", 400, "longest=ten is no number"),
        ("/picture?bundled=camera&longest=-1", b"", 400, "longest=-1 is out of range"),
        ("/damage?kind=text&rate=nan", b"", 400, "rate=nan is out of range"),
        ("/recovery?method=recipe", b"x", 400, "the paint is no picture"),
        ("/elsewhere", b"", 404, "nothing at /elsewhere"),
        ("/../../etc/passwd", None, 404, "nothing at"),
    ],
)
def test_mistakes_are_answered_in_one_line(server, path, body, status, message):
    ask(server, "/picture?bundled=camera&longest=32", b"")
    found, _, content = ask(server, path, body)
    assert found == status
    assert message in json.loads(content)["error"]


def test_a_port_in_use_is_named(server):
    with pytest.raises(UserError, match=f"port={server.port} cannot be used"):
        Server(Session(), server.port)
