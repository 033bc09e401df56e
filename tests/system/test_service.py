"""The server as a service: TLS, a proxy in front, and a configuration that is read again under way."""

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.ly import ly
from tests.system.product import DEFAULT_CONFIG, PATIENCE_S, Product, Refused, listening_port, wait_for

TLS = """
listen = "127.0.0.1:0"
public_url = "https://yard.example.org"
[tls]
certificate = "{folder}/cert.pem"
key = "{folder}/key.pem"
"""


def certificate(folder: Path, name: str) -> None:
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ]
    command += ["-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    command += ["-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "key.pem").chmod(0o600)


@contextlib.contextmanager
def product_with(folder: Path, text: str) -> Iterator[Product]:
    head, _, tables = text.partition("[")
    usual, _, nodes = DEFAULT_CONFIG.replace('listen = "127.0.0.1:0"', "").partition("[[nodes]]")
    product = Product(folder / "s", f"{head}\n{usual}\n[[nodes]]{nodes}\n{'[' + tables if tables else ''}")
    try:
        yield product
    finally:
        product.destroy()


def over_tls(product: Product, folder: Path, name: str, path: str, port: int) -> tuple[int, bytes, str]:
    context = ssl.create_default_context(cafile=str(folder / "cert.pem"))
    with (
        socket.create_connection(("127.0.0.1", port), timeout=60) as plain,
        context.wrap_socket(plain, server_hostname=name) as sock,
    ):
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: yard.example.org\r\nConnection: close\r\n\r\n".encode())
        response = http.client.HTTPResponse(sock)
        response.begin()
        return response.status, response.read(), str(sock.version())


def test_tls_is_spoken_and_a_new_certificate_needs_no_restart(tmp_path: Path) -> None:
    certificate(tmp_path, "yard.example.org")
    with product_with(tmp_path, TLS.format(folder=tmp_path)) as product:
        assert product.start()["url"] == "https://yard.example.org"
        port = listening_port(product.pid)
        status, body, version = over_tls(product, tmp_path, "yard.example.org", "/v1/health", port)
        assert (status, json.loads(body)["status"], version) == (200, "ok", "TLSv1.3")
        job = product.submit("sleep 600")

        certificate(tmp_path, "new.example.org")
        os.kill(product.pid, signal.SIGHUP)

        def renewed() -> bool:
            try:
                return over_tls(product, tmp_path, "new.example.org", "/v1/health", port)[0] == 200
            except ssl.SSLError:
                return False

        wait_for(renewed, PATIENCE_S, "the new certificate")
        with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
            plain.sendall(b"GET /v1/health HTTP/1.1\r\nHost: yard.example.org\r\n\r\n")
            assert b"200" not in plain.recv(100)
        assert product.until(job, "STARTING", "RUNNING")["state"]
        assert "https://yard.example.org/login#" in ly(product.state, "open", "--json").out


@pytest.mark.alone
def test_somebody_who_is_slow_at_the_handshake_keeps_nobody_waiting(tmp_path: Path) -> None:
    certificate(tmp_path, "yard.example.org")
    with product_with(tmp_path, TLS.format(folder=tmp_path)) as product:
        product.start()
        port = listening_port(product.pid)
        with contextlib.ExitStack() as stack:
            for _ in range(50):
                stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            begun = time.monotonic()
            assert over_tls(product, tmp_path, "yard.example.org", "/v1/health", port)[0] == 200
            assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('listen = "0.0.0.0:0"\n', "0.0.0.0 is reached from other machines, which needs TLS"),
        ('[tls]\ncertificate = "/x"\n', "TLS needs both certificate and key"),
        ('[tls]\ncertificate = "/none.pem"\nkey = "/none.pem"\n', "there is no key /none.pem"),
        ('[proxy]\ntrusted = ["proxy.example.org"]\n', "is no address"),
        ('public_url = "yard.example.org"\n', "is no address; write for example https://"),
    ],
)
def test_what_would_be_open_or_cannot_work_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with product_with(tmp_path, text) as product, pytest.raises(Refused, match=sentence):
        product.start()


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    certificate(tmp_path, "yard.example.org")
    (tmp_path / "key.pem").chmod(0o644)
    refused = pytest.raises(Refused, match="others may know the key")
    with product_with(tmp_path, TLS.format(folder=tmp_path)) as product, refused:
        product.start()


@pytest.mark.alone
def test_sighup_reads_the_configuration_and_sigterm_drains_in_five_seconds(tmp_path: Path) -> None:
    with product_with(tmp_path, 'listen = "127.0.0.1:0"\n') as product:
        product.start()
        log = product.state / "daemon" / "daemon.log"
        good = product.config.read_text()
        job = product.submit("sleep 300")
        product.until(job, "RUNNING")

        product.config.write_text(good + "nonsense = 1\n")
        os.kill(product.pid, signal.SIGHUP)
        wait_for(lambda: "was not read again" in log.read_text(), PATIENCE_S, "the refusal")
        log.rename(log.with_name("moved"))
        product.config.write_text(
            f'log_format = "json"\ngrace_s = 7\n{good}\n[[qos]]\nname = "new"\n'.replace("grace_s = 2\n", "")
        )
        os.kill(product.pid, signal.SIGHUP)
        # What holds only later is said after what holds now.
        last = "hold from the next start on"
        wait_for(lambda: log.exists() and last in log.read_text(), PATIENCE_S, "the new one")

        said = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        assert "changes of grace_s hold from the next start on" in [one["message"] for one in said]
        names = [one["name"] for one in product.call("GET", "/v1/admin/policy")["tables"]["qos"]]
        assert "new" in names

        client = product.client()
        client.call("GET", "/v1/health")
        begun = time.monotonic()
        assert product.stop() == 0
        assert time.monotonic() - begun < 5
        product.start()
        assert product.job(job)["state"] == "RUNNING"
