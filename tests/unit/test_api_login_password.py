"""Logging in by user name and password, against a real server and a table of passwords in PAM's place."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from launchyard.api.login.tries import FAILURES_MAX
from launchyard.api.login.ways import Ways
from launchyard.engine.passwords import Checked, Passwords, Verdict
from tests.api_bench import ADA, Answer, Bench, running


class FakePasswords(Passwords):
    """Everybody's password is the name with a 1; `old` has expired, `broken` is nobody's fault."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def check(self, user: str, password: str, address: str) -> Checked:
        self.asked.append((user, address))
        if user == "broken":
            return Checked(Verdict.FAULT, "")
        if password != f"{user}1":
            return Checked(Verdict.WRONG, "")
        return Checked(Verdict.BARRED, "") if user == "old" else Checked(Verdict.OK, user)


@pytest.fixture
def passwords() -> FakePasswords:
    return FakePasswords()


@pytest.fixture
def bench(passwords: FakePasswords) -> Iterator[Bench]:
    ways = Ways(passwords=passwords)
    with tempfile.TemporaryDirectory() as directory, running(Path(directory), ways=ways) as server:
        yield server


def log_in(bench: Bench, user: str, password: str) -> Answer:
    page = {"Origin": f"http://127.0.0.1:{bench.port}", "Sec-Fetch-Site": "same-origin"}
    form = {"provider": "password", "user": user, "password": password}
    return bench.ask("POST", "/login", form, user="", headers=page)


def test_the_right_password_logs_the_browser_in(bench: Bench, passwords: FakePasswords) -> None:
    answered = log_in(bench, "ada", "ada1")
    assert (answered.status, answered.json) == (200, {"next": "/"})
    cookie = answered.headers["set-cookie"].partition(";")[0]
    told = bench.ask("GET", "/v1/me", user="", headers={"Cookie": cookie}).json
    assert (told["user"], told["uid"]) == ("ada", ADA.uid)
    assert passwords.asked == [("ada", "127.0.0.1")]


@pytest.mark.parametrize(
    ("user", "password"),
    [
        ("ada", "bob1"),
        ("ada", ""),
        ("nobody-here", "x"),
        ("nobody-here", "nobody-here1"),
        ("root", "root1"),
        ("", "x"),
        ("x" * 500, "x"),
        ("ada", "x" * 5000),
    ],
)
def test_a_wrong_name_a_wrong_password_and_root_are_one_answer(
    bench: Bench, user: str, password: str
) -> None:
    """Threat 32: user enumeration; root is refused with its own password too."""
    refused = log_in(bench, user, password)
    assert (refused.status, refused.sentence) == (401, "user name or password is wrong")
    assert refused.body == log_in(bench, "ada", "wrong").body
    assert "set-cookie" not in refused.headers


def test_who_knows_the_password_of_an_expired_account_is_told_so(bench: Bench) -> None:
    assert "has expired" in log_in(bench, "old", "old1").sentence
    assert log_in(bench, "old", "wrong").sentence == "user name or password is wrong"


def test_what_cannot_be_checked_is_no_failure(bench: Bench) -> None:
    assert log_in(bench, "broken", "x").status == 503


def test_guessing_is_refused_before_the_password_is_looked_at(bench: Bench, passwords: FakePasswords) -> None:
    """Threat 32: counted by address and by name."""
    for _ in range(FAILURES_MAX):
        assert log_in(bench, "ada", "wrong").status == 401
    asked = len(passwords.asked)
    refused = log_in(bench, "ada", "ada1")
    assert (refused.status, refused.json["code"]) == (429, "too-many-tries")
    assert log_in(bench, "bob", "bob1").status == 429
    assert len(passwords.asked) == asked
    url = bench.ask("POST", "/v1/login-links", {}, user="ada").json["url"]
    assert bench.ask("POST", "/login", {"code": url.partition("#")[2]}, user="").status == 200


def test_the_page_is_told_which_ways_there_are(bench: Bench, tmp_path: Path) -> None:
    assert bench.ask("GET", "/v1/login-ways", user="").json == {"password": True, "oidc": None}
    with running(tmp_path) as other:
        assert other.ask("GET", "/v1/login-ways", user="").json == {"password": False, "oidc": None}
        assert log_in(other, "ada", "ada1").status == 400


def test_a_server_of_one_user_lets_that_user_in_alone(tmp_path: Path, passwords: FakePasswords) -> None:
    with running(tmp_path, ways=Ways(passwords=passwords), owner_uid=ADA.uid) as bench:
        assert log_in(bench, "ada", "ada1").status == 200
        assert log_in(bench, "bob", "bob1").status == 401
