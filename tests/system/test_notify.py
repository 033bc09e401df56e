"""People are told of their jobs: by a real mail server, webhook and chat; again where it did not arrive."""

import hashlib
import hmac
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.system.ly import ly
from tests.system.product import DEFAULT_CONFIG, PATIENCE_S, Json, Product, wait_for
from tests.system.sessionapps import make


class Mailbox(MessageHandler):
    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Message] = []

    def handle_message(self, message: Message) -> None:
        self.mails.append(message)

    def of(self, job: int) -> list[Message]:
        return [one for one in self.mails if f" {job} " in str(one["Subject"])]


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted; `answers` are the statuses of the next answers, then 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[int] = []
        self.got: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def at(self, path: str) -> list[tuple[dict[str, str], Json]]:
        return [(headers, json.loads(body)) for one, headers, body in list(self.got) if one == path]


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        status = self.server.answers.pop(0) if self.server.answers else 200
        self.server.got.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(status)
        self.send_header("location", f"{self.server.url}/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class MailServer(Controller):
    """On whatever port is free."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def mail_server() -> Iterator[tuple[Mailbox, int]]:
    box = Mailbox()

    def authenticated(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"yard", b"s3cret")
        return AuthResult(success=right, handled=right)

    controller = MailServer(
        box,
        hostname="127.0.0.1",
        port=0,
        authenticator=authenticated,
        auth_required=True,
        auth_require_tls=False,
    )
    controller.start()
    try:
        yield box, controller.port
    finally:
        controller.stop()


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def mailed(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Product, Mailbox]]:
    folder = tmp_path_factory.mktemp("notify")
    make(folder / "apps")
    for name, secret in (("password", "s3cret"), ("key", "k3y"), ("slack", f"{receiver.url}/services/T0/B0")):
        (folder / name).write_text(f"{secret}\n")
        (folder / name).chmod(0o600)
    with mail_server() as (box, port):
        config = f"""{DEFAULT_CONFIG}
[sessions]
apps = ["{folder}/apps"]
[mail]
smtp = "127.0.0.1:{port}"
security = "none"
user = "yard"
password_file = "{folder}/password"
domain = "example.org"
[[webhooks]]
name = "team"
kind = "slack"
url_file = "{folder}/slack"
[[webhooks]]
name = "pager"
url = "{receiver.url}/pager"
secret_file = "{folder}/key"
[notify]
origins = ["{receiver.url}"]
secret_file = "{folder}/key"
"""
        product = Product(folder / "s", config)
        product.start()
        yield product, box
        product.destroy()


def submitted(product: Product, *words: str) -> int:
    said = ly(product.state, "submit", "--quiet", *words)
    assert said.code == 0, said
    return int(said.out)


def test_a_mail_of_a_failure_says_why_with_the_last_lines_and_where_to_look(
    mailed: tuple[Product, Mailbox],
) -> None:
    product, box = mailed
    words = "for i in 1 2 3 4 5 6 7; do echo line $i; done; exit 3"
    job = submitted(product, "--notify", "start,end,fail", "-n", "fit", "--", "sh", "-c", words)
    wait_for(lambda: len(box.of(job)) == 2, PATIENCE_S, "two mails")

    began, failed = sorted(box.of(job), key=lambda one: "started" not in str(one["Subject"]))
    text = str(failed.get_payload(decode=True), "utf-8")  # type: ignore[arg-type]
    assert str(began["Subject"]) == f"Job {job} (fit) started"
    assert str(failed["Subject"]).startswith(f"Job {job} (fit) failed after ")
    assert failed["To"] == "root@example.org"
    assert "Why: " in text
    assert "exit code 3" in text
    assert "line 3" in text
    assert "line 2" not in text
    assert f"{product.facts['url']}/jobs/{job}" in text


def test_a_webhook_is_signed_and_gets_again_what_it_could_not_take(
    mailed: tuple[Product, Mailbox], receiver: Receiver
) -> None:
    product, _ = mailed
    receiver.answers = [503]
    job = submitted(product, "--notify", "fail", "--notify-to", "pager", "--", "sh", "-c", "echo no; exit 4")
    product.until(job)
    mine = wait_for(
        lambda: [one for one in receiver.got if one[0] == "/pager"][1:] or None, PATIENCE_S, "it comes again"
    )
    _, headers, body = mine[0]
    made = hmac.new(
        b"k3y", headers["x-launchyard-timestamp"].encode() + b"." + body, hashlib.sha256
    ).hexdigest()
    assert headers["x-launchyard-signature"] == f"sha256={made}"
    told = json.loads(body)
    assert (told["event"], told["job_id"], told["exit_code"], told["lines"]) == ("fail", job, 4, ["no"])


def test_a_chat_and_an_address_of_the_users_own_are_told(
    mailed: tuple[Product, Mailbox], receiver: Receiver
) -> None:
    product, _ = mailed
    where = f"team,{receiver.url}/mine?x=1"
    job = submitted(product, "--notify", "end", "--notify-to", where, "--", "sh", "-c", "echo all done")
    wait_for(
        lambda: bool(receiver.at("/services/T0/B0") and receiver.at("/mine?x=1")), PATIENCE_S, "both are told"
    )
    assert f"*Job {job} (sh) completed" in receiver.at("/services/T0/B0")[0][1]["text"]
    assert "all done" in receiver.at("/services/T0/B0")[0][1]["text"]
    assert receiver.at("/mine?x=1")[0][1]["job_id"] == job


def test_no_redirect_is_followed(mailed: tuple[Product, Mailbox], receiver: Receiver) -> None:
    product, _ = mailed
    receiver.answers = [307]
    submitted(product, "--notify", "end", "--notify-to", f"{receiver.url}/moved", "--", "true")
    wait_for(lambda: bool(receiver.at("/moved")), PATIENCE_S, "it is told")
    log = product.state / "daemon" / "daemon.log"
    wait_for(lambda: "answered 307" in log.read_text(), PATIENCE_S, "the log says so")
    assert not receiver.at("/elsewhere")


def test_what_the_site_does_not_allow_is_refused_when_it_is_submitted(
    mailed: tuple[Product, Mailbox],
) -> None:
    product, _ = mailed
    for place, sentence in (
        ("http://169.254.169.254/latest", "may not be sent to http://169.254.169.254:80"),
        ("nobody", "there is no webhook"),
    ):
        said = ly(product.state, "submit", "--notify", "end", "--notify-to", place, "--", "true")
        assert said.code != 0
        assert sentence in said.err


def test_no_secret_is_in_the_log_or_in_a_jobs_facts(mailed: tuple[Product, Mailbox]) -> None:
    product, _ = mailed
    said = (product.state / "daemon" / "daemon.log").read_text() + json.dumps(product.all_jobs())
    for secret in ("s3cret", "k3y", "/services/T0"):
        assert secret not in said


def test_who_works_in_a_session_gets_its_warnings_by_mail(mailed: tuple[Product, Mailbox]) -> None:
    product, box = mailed
    said = ly(product.state, "session", "start", "web", "--notify", "limit", "--quiet", "--wait")
    assert said.code == 0, said
    session = int(said.out)
    (node,) = product.job(session)["nodes"]
    product.call("POST", f"/v1/nodes/{node}", {"state": "drain", "reason": "new disks"})
    wait_for(lambda: bool(box.of(session)), PATIENCE_S, "a mail")
    assert f"node {node} is closed for new work (new disks)" in str(box.of(session)[0]["Subject"])
    product.call("POST", f"/v1/nodes/{node}", {"state": "up"})
    product.call("POST", f"/v1/sessions/{session}/stop")
    product.until(session)
    again = product.call("POST", f"/v1/sessions/{session}/relaunch", {})
    assert product.job(again["id"])["metadata"]["launchyard.notify"] == "limit"
    product.call("POST", f"/v1/sessions/{again['id']}/stop")
    product.until(again["id"])


def test_what_ended_while_the_server_was_away_is_told_when_it_is_back(
    mailed: tuple[Product, Mailbox], tmp_path: Path
) -> None:
    product, box = mailed
    gate = tmp_path / "go"
    os.mkfifo(gate)
    job = submitted(
        product, "--notify", "end", "--", "sh", "-c", f"read x < {gate}; echo bye > {tmp_path}/done"
    )
    product.until(job, "RUNNING")
    product.kill()
    gate.write_text("go\n")
    wait_for((tmp_path / "done").exists, PATIENCE_S, "it ends")
    product.start()
    wait_for(lambda: bool(box.of(job)), PATIENCE_S, "a mail")
