"""`[tracing]`: the lives of jobs as spans, by OTLP over HTTP to a collector, which is written here."""

import gzip
import http.server
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from launchyard.config.settings import check
from launchyard.model.errors import Invalid
from launchyard.operations import _traces
from tests.system.product import DEFAULT_CONFIG, PATIENCE_S, Product, wait_for


class Collector(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """Takes in what is sent to /v1/traces."""

    daemon_threads = True

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        super().__init__(("127.0.0.1", 0), Taking)

    def lives(self) -> dict[int, tuple[Span, list[Span]]]:
        """By job the whole and its parts, first to last."""
        parts: dict[bytes, list[Span]] = {}
        for span in list(self.spans):
            parts.setdefault(span.parent_span_id, []).append(span)
        found = {}
        for whole in parts.get(b"", []):
            job = next(one.value.int_value for one in whole.attributes if one.key == "launchyard.job.id")
            mine = parts.get(whole.span_id, [])
            assert {one.trace_id for one in mine} <= {whole.trace_id}
            found[job] = (whole, sorted(mine, key=lambda one: one.start_time_unix_nano))
        return found


class Taking(http.server.BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        assert self.path == "/v1/traces"
        request = ExportTraceServiceRequest.FromString(data)
        for of_service in request.resource_spans:
            for one in of_service.resource.attributes:
                if one.key == "service.name":
                    self.server.services.add(one.value.string_value)
            for scope in of_service.scope_spans:
                self.server.spans.extend(scope.spans)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is said."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def product(tmp_path: Path, collector: Collector) -> Iterator[Product]:
    endpoint = f"http://127.0.0.1:{collector.server_address[1]}"
    product = Product(tmp_path / "s", f'{DEFAULT_CONFIG}\n[tracing]\nendpoint = "{endpoint}"\n')
    product.start()
    yield product
    product.destroy()


def test_the_life_of_a_job_is_told_from_its_submission_to_its_end(
    product: Product, collector: Collector
) -> None:
    good = product.submit("true", name="secret-project")
    bad = product.submit("exit 3")
    for job in (good, bad):
        product.until(job)
    lives = wait_for(
        lambda: found if {good, bad} <= (found := collector.lives()).keys() else None, PATIENCE_S, "two lives"
    )
    for job, code in ((good, Status.STATUS_CODE_UNSET), (bad, Status.STATUS_CODE_ERROR)):
        whole, parts = lives[job]
        assert whole.name == "job"
        assert whole.status.code == code
        told = {one.key: one.value.string_value for one in whole.attributes}
        assert told["launchyard.partition"] == "main"
        assert told["launchyard.job.state"] == product.job(job)["state"]
        assert {one.name for one in parts} >= {"submit", "wait", "pass", "commit", "start", "run", "end"}
        assert all(
            whole.start_time_unix_nano <= one.start_time_unix_nano <= one.end_time_unix_nano
            and one.end_time_unix_nano <= whole.end_time_unix_nano
            for one in parts
        )
    assert collector.services == {"launchyard"}
    assert "secret-project" not in str(collector.spans)


def test_a_collector_that_is_gone_holds_up_nothing(product: Product, collector: Collector) -> None:
    collector.shutdown()
    collector.server_close()
    for _ in range(3):
        assert product.until(product.submit("true"))["state"] == "COMPLETED"
    product.stop()


def test_nothing_of_it_is_loaded_where_no_collector_is_named() -> None:
    """FastAPI itself loads the bare API."""
    text = (
        "import sys, launchyard.daemon, launchyard.operations\n"
        "print([name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'google.protobuf',"
        " 'requests', 'launchyard.tracing'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"


def test_without_the_extra_the_server_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("launchyard.tracing.traces", "launchyard.tracing.otlp"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(Invalid, match=r"install launchyard\[otel\], or take the table out"):
        _traces("http://127.0.0.1:4318")
    assert _traces("") is None


@pytest.mark.parametrize("wrong", ["127.0.0.1:4318", "http://", "http://user:secret@host", "ftp://host"])
def test_what_is_no_collector_is_refused_with_its_line(wrong: str) -> None:
    with pytest.raises(Invalid, match=r"line 2.*no collector of OpenTelemetry"):
        check(f'[tracing]\nendpoint = "{wrong}"\n', "config.toml")
    told = check('[tracing]\nendpoint = "http://[::1]:4318/otlp/"\n', "config.toml").service.tracing
    assert told == "http://[::1]:4318/otlp"
