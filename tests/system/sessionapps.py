"""Small apps for tests, each a plain directory as a site has them, with one fault planted in most."""

import sys
from pathlib import Path

SERVE = """
import http.server, os, socketserver
class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{self.path} {os.environ['LAUNCHYARD_VALUE_WORD']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return "socket"
    def log_message(self, *_):
        pass
print("serving", flush=True)
socketserver.UnixStreamServer(os.environ["LAUNCHYARD_SESSION_SOCKET"], Answers).serve_forever()
"""
WORD = """
[[fields]]
name = "word"
label = "Word"
default = "hello"
[[fields]]
name = "count"
label = "Count"
type = "integer"
default = 1
max = 8
"""


def make(folder: Path) -> None:
    """All of them below `folder`."""
    serve = f"umask 077\nexec {sys.executable} -I -S serve.py\n".replace(
        "serve.py", "$LAUNCHYARD_APP_DIR/serve.py"
    )
    app(folder, "web", serve, form=WORD, serve=SERVE)
    app(folder, "silent", "exec sleep 600\n", within="2s")
    app(folder, "lame", "exec program-that-nobody-has\n")
    app(folder, "absent", "exec true\n", needs="program-that-nobody-has")
    app(folder, "needy", "exec true\n", needs="tail")
    hungry = (
        "import time; held = bytearray(400 << 20); held[::4096] = b'x' * len(held[::4096]); time.sleep(600)"
    )
    app(folder, "hungry", f'exec {sys.executable} -I -S -c "{hungry}"\n', memory="64M")
    app(folder, "gone", "echo the last words; exit 3\n")


def app(
    folder: Path,
    name: str,
    start: str,
    *,
    form: str = "",
    serve: str = "",
    within: str = "1m",
    needs: str = "",
    memory: str = "128M",
) -> None:
    """One app. `needs` names a program, whose hint is the same for all."""
    own = folder / name
    own.mkdir(parents=True)
    needed = f'[[needs]]\nname = "{needs}"\nhint = "Build it yourself."\n' if needs else ""
    (own / "app.toml").write_text(
        f'title = "The {name}"\nsummary = "For a test."\n[open]\nstarts_within = "{within}"\n'
        f'[resources]\ncpus = 0.5\nmemory = "{memory}"\ntime = "1h"\n{needed}{form}'
    )
    (own / "start.sh").write_text(start)
    if serve:
        (own / "serve.py").write_text(serve)
