"""What users try with files: those of others, archives that are traps, content that would run."""

import io
import os
import stat
import subprocess
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.threats.yard import ADA, LI, RUTH, Yard, as_, home, run_as

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it acts as several users"),
]
SECRET = "her secret 5e2f"
NUMBER = "0123456789abcdef" * 2
FOLDER = "threat-files"


@pytest.fixture(scope="module")
def hers(yard: Yard) -> Iterator[Path]:
    """A file in ada's home that is for her alone."""
    folder = home(ADA) / FOLDER
    run_as(ADA, "rm", "-rf", str(folder))
    assert (
        run_as(ADA, "sh", "-c", f"umask 077; mkdir {folder}; echo '{SECRET}' > {folder}/secret").returncode
        == 0
    )
    yield folder / "secret"
    run_as(ADA, "rm", "-rf", str(folder))


@pytest.fixture(scope="module")
def his(yard: Yard, hers: Path) -> Iterator[Path]:
    """A folder of li's, full of links to what is not his."""
    folder = home(LI) / FOLDER
    links = {
        **{
            "file": hers,
            "folder": hers.parent,
            "up": Path("/home"),
            "root": Path("/"),
            "shadow": Path("/etc/shadow"),
        },
        **{
            "state": yard.state,
            "log": yard.state / "daemon" / "audit.log",
            "relative": Path(f"../../{ADA}/{FOLDER}"),
        },
        **{
            "proc": Path("/proc/self/root/etc/shadow"),
            "environ": Path("/proc/self/environ"),
            "self": Path(),
        },
        **{"launcher": yard.state / "launcher", "config": yard.product.config},
    }
    made = "; ".join(f"ln -s {where} {folder}/{name}" for name, where in links.items())
    script = f"rm -rf {folder}; mkdir -p {folder}/deep; mkfifo {folder}/fifo; {made}; echo his > {folder}/own"
    done = run_as(LI, "sh", "-c", script)
    assert done.returncode == 0, done
    yield folder
    run_as(LI, "rm", "-rf", str(folder))


ENCODED: tuple[Callable[[str], str], ...] = (
    lambda path: path,
    lambda path: path.replace("/", "%2f"),
    lambda path: path.replace("..", "%2e%2e"),
    lambda path: path.replace("..", "%252e%252e"),
    lambda path: path.replace("..", "%c0%ae%c0%ae"),
    lambda path: path.replace("/", "%c0%af"),
    lambda path: path.replace("/", "\\"),
    lambda path: path.replace("/", "%5c"),
    lambda path: path.replace("..", "..;"),
    lambda path: path.replace("..", "....//"),
    lambda path: path + "%00.txt",
    lambda path: "%00" + path,
    lambda path: path.replace("/", "//").replace("//", "/./"),
    lambda path: "file://" + path,
)


def test_no_path_leads_to_what_is_not_ones_own(yard: Yard, hers: Path, his: Path) -> None:
    """Threat 21: by every route of files, each way to write it, and by links in one's own folder."""
    paths = [
        str(hers),
        f"~/../{ADA}/{FOLDER}/secret",
        f"~{ADA}/{FOLDER}/secret",
        f"~/{FOLDER}/../../{ADA}/{FOLDER}",
    ]
    paths += [
        f"~/{FOLDER}/{link}" for link in ("file", "folder/secret", f"up/{ADA}/{FOLDER}/secret", "shadow")
    ]
    paths += [
        f"~/{FOLDER}/{link}" for link in ("root/etc/shadow", "log", "relative/secret", "proc", "environ")
    ]
    paths += [
        f"~/{FOLDER}/{link}" for link in ("state/daemon/audit.log", "launcher", "config", "self/self/file")
    ]
    paths += [
        "/etc/shadow",
        "/proc/self/environ",
        "/proc/self/root/etc/shadow",
        "/dev/zero",
        str(yard.product.config),
    ]
    own = yard.ask("GET", f"/v1/files/content?path=~/{FOLDER}/own", user=LI)
    assert own.text == "his\n"
    for route in ("", "/about", "/preview", "/content", "/archive", "/uploads"):
        for path in paths:
            for encode in ENCODED if path in paths[:4] else ENCODED[:1]:
                query = f"?path={encode(path)}" + (f"&number={NUMBER}" if route == "/uploads" else "")
                answer = yard.ask("GET", f"/v1/files{route}{query}", user=LI)
                refuse_secrets(answer.text, (route, path))
                assert answer.status >= 400 or route in ("/about", "/uploads", "/archive", ""), (
                    route,
                    query,
                    answer,
                )
    names = ["file", "folder", "shadow", "log", "../../x", "/etc/shadow", f"../../{ADA}/{FOLDER}/secret"]
    rows = yard.ask("POST", "/v1/files/details", {"path": f"~/{FOLDER}", "names": names}, user=LI)
    refuse_secrets(rows.text, "details")
    answer = yard.ask("GET", f"/v1/files/content?path=~/{FOLDER}/fifo", user=LI)
    assert answer.status in (400, 404, 409, 422), answer


def refuse_secrets(text: str, asked: object) -> None:
    for word in (
        SECRET,
        "root:$",
        "root:*",
        "root:!",
        '"request"',
        "LAUNCHYARD_",
        "daemon_user",
        "[[nodes]]",
    ):
        assert word not in text, (asked, text[:300])


def test_nothing_of_anothers_is_written_moved_or_taken_away(yard: Yard, hers: Path, his: Path) -> None:
    """Threat 21: also through links that are one's own."""
    for target in (str(hers), f"~/{FOLDER}/file", f"~/{FOLDER}/folder/secret", f"~/{FOLDER}/relative/secret"):
        folder = target.rpartition("/")[0]
        for method, path, body in (
            ("PUT", "/v1/files/text", {"path": target, "text": "li was here"}),
            ("PUT", "/v1/files/text", {"path": f"{folder}/new", "text": "li was here"}),
            ("POST", "/v1/files/folders", {"path": f"{folder}/new"}),
            ("POST", "/v1/files/move", {"path": f"~/{FOLDER}/own", "to": target, "conflict": "replace"}),
            ("POST", "/v1/files/move", {"path": str(hers), "to": f"~/{FOLDER}/taken"}),
            (
                "PUT",
                f"/v1/files/uploads?path={target}&number={NUMBER}&offset=0&size=2&conflict=replace",
                "hi",
            ),
            (
                "POST",
                "/v1/files/delete",
                {"paths": [f"~/{FOLDER}/folder/secret", str(hers), str(hers.parent)]},
            ),
        ):
            answer = yard.ask(method, path, body, user=LI)
            assert answer.status < 500, answer
        assert hers.read_text() == f"{SECRET}\n"
        assert [path.name for path in hers.parent.iterdir()] == ["secret"]
        assert hers.owner() == ADA


def test_no_log_script_or_package_leads_to_anothers_file(yard: Yard, hers: Path, his: Path) -> None:
    """Threats 16, 21: output named as a link, or made one afterwards, and names in addresses."""
    for stdout in (str(hers), str(his / "file"), "/etc/shadow", str(yard.state / "daemon" / "audit.log")):
        made = yard.ask("POST", "/v1/jobs", {"command": "echo li was here", "stdout": stdout}, user=LI)
        if made.status == 201:
            yard.ended(LI, made.json["id"])
            answer = yard.ask("GET", f"/v1/jobs/{made.json['id']}/logs", user=LI)
            refuse_secrets(answer.text, stdout)
            refuse_secrets(
                yard.ask("GET", f"/v1/jobs/{made.json['id']}/logs/search?q=e", user=LI).text, stdout
            )
    assert hers.read_text() == f"{SECRET}\n"
    job = yard.submit(LI, "echo fine", stdout=str(his / "out"))
    yard.ended(LI, job)
    for where in (hers, "/etc/shadow", yard.state / "daemon" / "audit.log"):
        assert run_as(LI, "ln", "-sfn", str(where), str(his / "out")).returncode == 0
        for tail in ("logs", "logs/search?q=e", "logs/marks", "why"):
            refuse_secrets(yard.ask("GET", f"/v1/jobs/{job}/{tail}", user=LI).text, (where, tail))
    up = "..%2f" * 8
    for path in (
        *(
            f"/v1/packages/{up}etc%2fpasswd",
            f"/api/packages/gcs/{up}etc%2fpasswd",
            f"/v1/apps/{up}etc%2fpasswd",
        ),
        *(
            "/assets/../../../../etc/passwd",
            f"/assets/{up}etc/passwd",
            "/../../etc/passwd",
            f"/{up}etc%2fpasswd",
        ),
        *(
            "/assets/%2e%2e/%2e%2e/index.html",
            "/static/..%5c..%5cetc%5cpasswd",
            "/assets//etc/passwd",
            "//etc/passwd",
        ),
        *("/v1/errors/" + up + "etc%2fpasswd", "/v1/jobs/../../etc/passwd", "/session/1/../../etc/passwd"),
    ):
        for headers in ({}, {"Accept": "text/html"}):
            answer = yard.ask("GET", path, user=LI, headers=headers)
            assert "root:x:" not in answer.text, path


SWAPS = """
import ctypes, os, sys, time
os.chdir(sys.argv[1])
os.makedirs("swap/in", exist_ok=True)
open("swap/in/secret", "w").write("mine")
os.symlink(sys.argv[2], "other")
libc = ctypes.CDLL(None, use_errno=True)
print("swaps", flush=True)
end = time.monotonic() + 600
while time.monotonic() < end and libc.renameat2(-100, b"swap/in", -100, b"other", 2) == 0:
    pass
"""


def test_a_swap_while_a_folder_is_packed_or_read_gains_nothing(yard: Yard, hers: Path, his: Path) -> None:
    """Threat 22: a folder and a link to hers are exchanged, thousands of times a second."""
    command = [*as_(LI), "/usr/bin/python3", "-c", SWAPS, str(his), str(hers.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as swapper:
        try:
            assert swapper.stdout is not None
            assert swapper.stdout.readline() == "swaps\n"
            for user in (LI, ADA):
                for _ in range(15):
                    for route in ("archive", "content", "preview"):
                        path = f"{his}/swap" if route == "archive" else f"{his}/swap/in/secret"
                        answer = yard.ask("GET", f"/v1/files/{route}?path={path}", user=user)
                        # What is hers she may read, but not below his folder.
                        assert SECRET not in answer.text, (user, route)
            assert swapper.poll() is None, "nothing was exchanged any more"
        finally:
            swapper.kill()


# -- archives

DEEP = "d/" * 200


def zipped(files: dict[str, bytes], *, link: str = "") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        if link:
            entry = zipfile.ZipInfo("link")
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, link)
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def overlapping() -> bytes:
    """Thousands of members of the directory that are the same ten megabytes of the file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0", bytes(10 << 20))
        first = archive.filelist[0]
        for number in range(1, 3_000):
            entry = zipfile.ZipInfo(str(number))
            for name in ("header_offset", "CRC", "compress_size", "file_size", "compress_type"):
                setattr(entry, name, getattr(first, name))
            archive.filelist.append(entry)
    return made.getvalue()


def tarred(name: str, kind: bytes, link: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, link
        archive.addfile(entry)
    return made.getvalue()


ARCHIVES: dict[str, Callable[[Path], bytes]] = {
    "ratio.zip": lambda _: zipped({"zeros": bytes(200 << 20)}),
    "overlap.zip": lambda _: overlapping(),
    "deep.zip": lambda _: zipped({DEEP + "x": b""}),
    "slip.zip": lambda hers: zipped({f"../../../../../..{hers.parent}/slipped": b"x"}),
    "absolute.zip": lambda hers: zipped({f"{hers.parent}/slipped": b"x"}),
    "backslash.zip": lambda _: zipped({"..\\..\\slipped": b"x"}),
    "link.zip": lambda hers: zipped({}, link=str(hers)),
    "through.zip": lambda hers: zipped({"link/slipped": b"x"}, link=str(hers.parent)),
    "link.tar.gz": lambda hers: tarred("link", tarfile.SYMTYPE, str(hers)),
    "hard.tar.gz": lambda hers: tarred("link", tarfile.LNKTYPE, str(hers)),
    "device.tar.gz": lambda _: tarred("device", tarfile.CHRTYPE, ""),
    "none.zip": lambda _: b"PK\5\6" + b"\xff" * 18,
}


def test_no_archive_bursts_or_leads_outside(yard: Yard, hers: Path) -> None:
    """Threats 19, 20: used for a job of the user's, which says what is wrong; disk and others are spared."""
    before, kept = yard.rss_mib(), taken_mib(yard.state)
    jobs = {}
    for name, make in ARCHIVES.items():
        package = f"_ray_pkg_{name.replace('.', '0', 1).partition('.')[0]:0<16}.{name.partition('.')[2]}"
        data = make(hers)
        sent = {"Content-Type": "application/octet-stream"}
        answer = yard.ask("PUT", f"/api/packages/gcs/{package}", user=LI, raw=data, headers=sent)
        if answer.status != 200:
            assert answer.status in (400, 413, 422), (name, answer)
            continue
        body = {"command": "ls -R | head -c 300", "runtime_env": {"working_dir": f"gcs://{package}"}}
        made = yard.ask("POST", "/v1/jobs", {**body, "resources": {"cpus": 0.5, "memory_mib": 256}}, user=LI)
        assert made.status == 201, (name, made)
        jobs[name] = made.json["id"]
    assert len(jobs) > 5
    for name, job in jobs.items():
        found = yard.ended(LI, job)
        assert found["state"] == "FAILED", (name, found)
        assert found["cause"].isprintable(), name
        assert "Traceback" not in found["cause"]
    assert [path.name for path in hers.parent.iterdir()] == ["secret"]
    assert yard.rss_mib() - before < 100
    assert taken_mib(yard.state) - kept < 256


def taken_mib(folder: Path) -> int:
    """What is below it on the disk; files that go meanwhile are none."""
    taken = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            taken += path.lstat().st_blocks * 512
    return taken >> 20


# -- content that would run

KINDS = ("application/octet-stream", "application/json", "application/problem", "text/plain")
ACTIVE = {
    "page.html": "<script>alert(1)</script>",
    "picture.svg": '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "picture.SVG": '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "page.xhtml": '<html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>',
    "style.xml": '<?xml-stylesheet href="x.xsl"?><a/>',
    "paper.pdf": "%PDF-1.4 /OpenAction /JavaScript",
    "notes.ipynb": '{"cells": [{"cell_type": "markdown", "source": "<img src=x onerror=alert(1)>"}]}',
    "noext": "<!doctype html><script>alert(1)</script>",
    "image.png": "<script>alert(1)</script>",
    'a"; filename=x.html;\r\nX-Made: 1': "<script>alert(1)</script>",
}


def test_nothing_that_a_user_keeps_runs_in_a_browser(yard: Yard, his: Path) -> None:
    """Threats 24, 44: as a download, as a preview, as a log and in an archive; also by name."""
    for number, (name, text) in enumerate(ACTIVE.items()):
        path = his / "deep" / name
        code = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"
        assert run_as(LI, "python3", "-c", code, str(path), text).returncode == 0
        quoted = "".join(f"%{byte:02x}" for byte in os.fsencode(path))
        for query in (
            "content?path={}",
            "content?path={}&view=1",
            "content?path={}&offset=1",
            "archive?path={}",
        ):
            answer = yard.ask("GET", f"/v1/files/{query.format(quoted)}", headers=yard.browser(LI))
            assert answer.status == 200, (name, answer)
            assert answer.header("content-disposition").startswith("attachment"), (name, answer.headers)
            assert answer.header("x-content-type-options") == "nosniff"
            assert answer.header("content-type") in ("application/octet-stream", "application/zip")
            assert not answer.all("x-made")
        preview = yard.ask("GET", f"/v1/files/preview?path={quoted}", headers=yard.browser(LI))
        assert preview.header("content-type").startswith("application/json")
        if number < 2:
            job = yard.submit(LI, f"cat {path}")
            yard.ended(LI, job)
            for tail in ("logs", "script", "logs/search?q=a"):
                shown = yard.ask("GET", f"/v1/jobs/{job}/{tail}", headers=yard.browser(LI))
                kind = shown.header("content-type")
                assert kind.startswith(KINDS), kind
                assert shown.header("x-content-type-options") == "nosniff"


def test_names_that_are_script_are_words_wherever_they_are_told(yard: Yard, his: Path) -> None:
    """Threat 23: told as JSON or escaped; the page lets no script run that is not its own file."""
    name = "<img src=x onerror=alert(1)>"
    job = yard.submit(LI, "true", name=name, group="<b>g</b>")
    session = yard.ask("POST", "/v1/sessions", {"app": "echo", "name": name, "hold": False}, user=LI)
    for user in (LI, RUTH):
        for path in (
            f"/v1/jobs/{job}",
            "/v1/jobs",
            "/v1/tables/jobs",
            f"/v1/jobs/{name}",
            "/v1/sessions",
            f"/{name}",
        ):
            for accept in ("text/html", "*/*"):
                spelled = path.replace("<", "%3C").replace(">", "%3E").replace(" ", "%20")
                headers = {**yard.browser(user), "Accept": accept}
                answer = yard.ask("GET", spelled, headers=headers)
                kind = answer.header("content-type")
                assert "html" not in kind or name not in answer.text, (path, answer)
                assert answer.header("x-content-type-options") == "nosniff"
    page = yard.ask("GET", f"/jobs/{job}", headers={**yard.browser(LI), "Accept": "text/html"})
    policy = page.header("content-security-policy")
    scripts = next(rule for rule in policy.split("; ") if rule.startswith("script-src"))
    assert scripts == "script-src 'self'"
    for rule in ("default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert rule in policy
    assert "unsafe" not in policy
    if session.status == 201:
        yard.ask("POST", f"/v1/sessions/{session.json['id']}/stop", user=LI)
    host = f"1.localhost:{yard.port}"
    shown = yard.ask("GET", "/%3Cscript%3E", headers={"Host": host, "Accept": "text/html"})
    assert "<script" not in shown.text
    assert "default-src 'none'" in shown.header("content-security-policy")
