from __future__ import annotations

from pathlib import Path

from nox_ship.gates.ports import fixed_port
from support import each, make_project

NAMED = '[project]\nname = "sample"\n'


@each(
    ("text", "fixed"),
    [
        ("from http.server import HTTPServer\nHTTPServer(('localhost', 8000), Handler)", True),
        ("import http.server as h\nh.HTTPServer(('localhost', 8000), Handler)", True),
        ("from http.server import HTTPServer\nHTTPServer(('localhost', 0), Handler)", False),
        ("PORT = 5000\nmake_app().socket().bind(('', PORT))", True),
        ("sock.bind(('', free_port()))", False),
        ("async def test(): await asyncio.start_server(handle, port=30001)", True),
        ("from uvicorn.config import Config\nConfig(app=app)", True),
        ("import uvicorn\nuvicorn.run(app, port=8001)", True),
        ("import uvicorn\nuvicorn.run(app, port=0)", False),
        ("import uvicorn\nuvicorn.run(app, port=free_port())", False),
        ("from other import Config\nimport uvicorn\nConfig(app=app)", False),
        ("get('http://localhost:8000')", False),
        ("sock.bind(('', 8000", False),
        ("bind(" * 3000, False),
        ("bind(" + "9" * 5000 + ")", False),
    ],
)
def test_tests_that_listen_on_a_fixed_port_are_known(tmp_path: Path, text: str, fixed: bool) -> None:
    """Tests with a fixed port are recognized without running them; a free port or a URL does not count."""
    name = "tests/unit/conftest.py"
    files = {name: text, "tests/test_a.py": "", "src/sample/__init__.py": "HTTPServer(('', 8000))\n"}
    assert fixed_port(make_project(tmp_path, NAMED, files)) == (name if fixed else None)
