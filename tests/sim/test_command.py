"""`python -m launchyard.sim` and `ly simulate`: JSON, table, report, and one sentence for what is wrong."""

import gzip
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from launchyard.cli.main import main as ly
from launchyard.cli.native.simulate import POLICIES as NAMED
from launchyard.sim.command import main as simulate
from launchyard.sim.policies import POLICIES

HEADER = "; MaxProcs: 4\n"
KEYS = [
    "policy",
    "jobs",
    "mean_wait_s",
    "max_wait_s",
    "mean_bounded_slowdown",
    "area_weighted_wait_s",
    "utilisation",
    "makespan_s",
    "starts_sha256",
]
Capture = pytest.CaptureFixture[str]


def line(number: int, submit: int, run: int, processors: int, requested: int, user: int = 1) -> str:
    fields = [number, submit, -1, run, processors, -1, -1, processors, requested, -1, 1, user]
    return " ".join(map(str, [*fields, *[-1] * 6])) + "\n"


THREE = HEADER + line(1, 0, 100, 3, 100) + line(2, 10, 30, 2, 50) + line(3, 20, 40, 1, 60, 2)
"""Job 3 goes ahead of job 2, which starts at 100."""


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "three.swf"
    path.write_text(THREE)
    return path


def test_one_policy_is_one_object(trace: Path, capsys: Capture) -> None:
    assert simulate([str(trace), "--policy", "easy"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told) == KEYS
    assert (told["policy"], told["jobs"], told["mean_wait_s"], told["max_wait_s"]) == ("easy", 3, 30, 90)
    assert told["mean_bounded_slowdown"] == pytest.approx((1 + 4 + 1) / 3)
    assert told["area_weighted_wait_s"] == pytest.approx(90 * 60 / (300 + 60 + 40))
    assert (told["utilisation"], told["makespan_s"]) == (pytest.approx(400 / (4 * 130)), 130)
    # printf '1 0\n2 100\n3 20\n' | sha256sum
    assert told["starts_sha256"] == "8fc426e380e17127ff19a0a9ab4de87c23e2993c75bf30d90ad8862041ef8af6"


def test_several_policies_are_a_list_in_the_order_asked(trace: Path, capsys: Capture) -> None:
    assert simulate([str(trace), "--policy=fcfs", "--policy=easy", "--policy=fcfs"]) == 0
    assert [one["policy"] for one in json.loads(capsys.readouterr().out)] == ["fcfs", "easy"]


def test_a_compressed_trace_is_the_same_trace(trace: Path, tmp_path: Path, capsys: Capture) -> None:
    packed = tmp_path / "three.swf.gz"
    packed.write_bytes(gzip.compress(THREE.encode()))
    assert (simulate([str(trace)]), simulate([str(packed)])) == (0, 0)
    decoder = json.JSONDecoder()
    text = capsys.readouterr().out
    first, end = decoder.raw_decode(text)
    assert decoder.raw_decode(text[end:].strip())[0] == first
    assert first["policy"] == "default"


def test_jobs_that_no_machine_could_have_run_are_left_out(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "odd.swf"
    odd = line(4, 30, 0, 1, 10) + line(5, 30, 10, 1, -1) + line(6, -5, 10, 1, 10) + line(7, 30, 10, 9, 10)
    path.write_text(THREE + odd)
    assert simulate([str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["jobs"] == 3


def test_a_run_past_its_request_ends_there(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "long.swf"
    path.write_text(HEADER + line(1, 0, 500, 1, 60))
    simulate([str(path)])
    assert json.loads(capsys.readouterr().out)["makespan_s"] == 60


def test_processors_can_be_said(trace: Path, capsys: Capture) -> None:
    assert simulate([str(trace), "--processors", "6"]) == 0
    assert json.loads(capsys.readouterr().out)["max_wait_s"] == 0


def _broken(data: bytes) -> bytes:
    return data[:40] + bytes(byte ^ 0xFF for byte in data[40:60]) + data[60:]


PACKED = gzip.compress((HEADER + "".join(line(n, n, 100 + n, 1, 200 + n) for n in range(200))).encode())
WRONG: list[tuple[bytes, list[str], str]] = [
    (THREE.encode(), ["--policy", "eazy"], "there is no policy 'eazy'; did you mean easy?"),
    (THREE.encode(), ["--policy", "none"], "there is no policy 'none'; there are fcfs, easy, conservative"),
    (THREE.encode(), ["--policy=conservative", "--passes=per-second"], "conservative has no passes"),
    (THREE.encode(), ["--processors", "0"], "'0' is not a number of processors"),
    (THREE.encode(), ["--report", "/nowhere/report.html"], "there is no directory /nowhere"),
    (PACKED[:200], [], "cannot read the trace"),
    (_broken(PACKED), [], "cannot read the trace"),
    (b"\x1f\x8bnot gzip at all", [], "cannot read the trace"),
    (HEADER.encode(), [], "has no jobs; is it in the Standard Workload Format?"),
    (b"", [], "has no jobs"),
    (bytes(range(256)) * 10, [], "line 1"),
    ((THREE + "4 30 10\n").encode(), [], "line 5: 3 fields; the Standard Workload Format has 18"),
    ((THREE + line(4, 30, 10, 1, 10).replace("30", "x", 1)).encode(), [], "line 5: a field is not a number"),
    ((THREE + line(4, 30, 10, 1, 10).replace("10", "inf", 1)).encode(), [], "line 5: a field is not"),
    ((THREE + line(4, 10**18, 10, 1, 10)).encode(), [], "line 5: 1000000000000000000 is more than any log"),
]


@pytest.mark.parametrize(("data", "words", "sentence"), WRONG)
def test_what_is_wrong_is_one_sentence(
    data: bytes, words: list[str], sentence: str, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "trace"
    path.write_bytes(data)
    assert simulate([str(path), *words]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("ly: ")
    assert sentence in said.err


def test_a_trace_that_is_not_there_is_one_sentence(tmp_path: Path, capsys: Capture) -> None:
    assert simulate([str(tmp_path / "none.swf")]) == 2
    assert (
        capsys.readouterr().err
        == f"ly: cannot read the trace {tmp_path}/none.swf: No such file or directory\n"
    )


def test_a_reader_who_goes_is_no_error(trace: Path) -> None:
    command = [sys.executable, "-m", "launchyard.sim", str(trace)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.close()
        assert child.wait(30) == 141
        assert child.stderr is not None
        assert child.stderr.read() == b""


def test_ly_simulate_shows_a_row_a_policy(trace: Path, capsys: Capture) -> None:
    assert ly(["simulate", str(trace), "--policy", "easy", "--policy", "fcfs"]) == 0
    assert capsys.readouterr().out == (
        "POLICY  JOBS  MEAN WAIT  LONGEST  SLOWDOWN  WAIT BY AREA  USED   MAKESPAN\n"
        "easy    3     30s        1m       2.00      13s           76.9%  2m\n"
        "fcfs    3     56s        1m       2.67      21s           71.4%  2m\n"
    )


def test_ly_simulate_gives_the_same_json(trace: Path, capsys: Capture) -> None:
    assert simulate([str(trace), "--policy", "easy"]) == 0
    direct = json.loads(capsys.readouterr().out)
    assert ly(["simulate", str(trace), "--policy", "easy", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == direct


def test_ly_simulate_passes_the_exit_code_on(trace: Path, capfd: Capture) -> None:
    assert ly(["simulate", str(trace), "--policy", "eazy"]) == 2
    assert capfd.readouterr().err == "ly: there is no policy 'eazy'; did you mean easy?\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "`ly simulate` needs a trace, or --history, and not both"),
        (["x.swf", "--history"], "`ly simulate` needs a trace, or --history, and not both"),
        (["x.swf", "--since", "2d"], "--since goes with --history"),
    ],
)
def test_a_trace_or_the_history_is_needed(words: list[str], sentence: str, capsys: Capture) -> None:
    assert ly(["simulate", *words]) == 2
    assert capsys.readouterr().err == f"ly: {sentence}\n"


def test_the_help_names_every_policy() -> None:
    assert NAMED.split(", ") == list(POLICIES)


class Page(HTMLParser):
    """Tags with their attributes, and whether all that was opened is closed."""

    VOID = ("meta", "br", "path", "circle", "rect")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_report_is_one_file_that_needs_nothing_else(tmp_path: Path) -> None:
    path, report = tmp_path / "<b>&.swf", tmp_path / "report.html"
    path.write_text(THREE)
    words = [word for name in POLICIES for word in ("--policy", name)]
    assert simulate([str(path), *words, "--report", str(report)]) == 0
    text = report.read_text()
    page = Page(text)
    assert page.open == []
    assert {tag for tag, _ in page.tags}.isdisjoint({"script", "link", "img", "iframe", "b", "a"})
    assert not re.search(r"https?:|url\(|@import|<script|src=|href=", text)
    assert all(name in page.text for name in POLICIES)
    assert "<b>&.swf" in page.text
    plots = [told for tag, told in page.tags if tag == "svg" and "aria-label" in told]
    assert len(plots) == 1 + 4 * len(POLICIES)
    assert "prefers-color-scheme: dark" in text
