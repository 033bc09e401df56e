"""Who is notified of what, what it says, and that it is tried until it arrives."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from launchyard.model import notify
from launchyard.model.errors import Forbidden, Invalid, LaunchyardError, NotFound
from launchyard.model.event import StateChanged
from launchyard.model.job import Job, JobKind
from launchyard.model.state import JobState
from launchyard.notify.outbox import Entry, Outbox
from launchyard.notify.secrets import read_secret
from launchyard.notify.settings import MailSettings, NotifySettings, Webhook
from launchyard.notify.watching import Watching
from launchyard.notify.way import Failed, Rejected, origin_of
from launchyard.notify.ways import Ways
from launchyard.notify.words import (
    Notice,
    as_chat,
    as_json,
    as_mail,
    last_lines,
    news,
    signature,
    title_of,
)

S = JobState
NOTICE = Notice(
    event="fail",
    at=1_700_000_000,
    job_id=12,
    name="x",
    user="ada",
    state="FAILED",
    title="Job 12 (x) failed after 3 min",
    cause="exit code 1",
    lines=("one", "<!channel> ``` two"),
    link="http://127.0.0.1:1/jobs/12",
)


def job(**changes: object) -> Job:
    made = Job(
        id=12,
        name="x",
        kind=JobKind.BATCH,
        user="ada",
        uid=7,
        partition="main",
        submitted_at=99,
        started_at=100,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "previous", "state", "expected"),
    [
        ("start,end", S.STARTING, S.RUNNING, "start"),
        ("end", S.STARTING, S.RUNNING, None),
        ("start", S.SUSPENDED, S.RUNNING, None),
        ("end", S.COMPLETING, S.COMPLETED, "end"),
        ("fail", S.COMPLETING, S.COMPLETED, None),
        ("end,fail", S.COMPLETING, S.FAILED, "fail"),
        ("end", S.COMPLETING, S.FAILED, "end"),
        ("limit", S.COMPLETING, S.TIMEOUT, "limit"),
        ("fail", S.RUNNING, S.CANCELLED, None),
    ],
)
def test_a_move_is_told_once_as_what_was_asked_for(
    wanted: str, previous: S, state: S, expected: str | None
) -> None:
    assert news(notify.moments_of({notify.KEY: wanted}), job(), previous, state) == expected


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ({notify.KEY: "ende"}, "did you mean end"),
        ({notify.KEY: "end", notify.TO: "-oQ/tmp"}, "no place to notify"),
        ({notify.KEY: "end", notify.TO: "ada@example.org\nBcc: x@y"}, "no place to notify"),
        ({notify.KEY: "end", notify.TO: "a@b@c"}, "no mail address"),
        ({notify.KEY: "end", notify.TO: "a,b,c,d,e,f"}, "too many"),
        ({notify.TO: "ada@example.org"}, "not of what"),
    ],
)
def test_what_can_be_no_wish_is_refused(metadata: dict[str, str], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        notify.check(metadata)


@pytest.mark.parametrize(
    ("place", "kind", "said"),
    [
        ("mail", Invalid, "sends no mail; name a webhook with --notify-to: team"),
        ("tean", NotFound, 'no webhook "tean".*: team'),
        ("http://127.0.0.1:22/x", Forbidden, "allowed: https://hooks.example.org"),
        ("https://hooks.example.org:444/x", Forbidden, "https://hooks.example.org:444"),
        ("https://hooks.example.org.evil.example/x", Forbidden, "may not be sent to"),
        ("http://hooks.example.org/x", Forbidden, "may not be sent to"),
        ("https://hooks.example.org@10.0.0.1/x", Invalid, "without a user name"),
        ("file:///etc/passwd", Invalid, "an address to notify"),
    ],
)
def test_only_what_the_site_allows_is_reached(place: str, kind: type[LaunchyardError], said: str) -> None:
    settings = NotifySettings(
        mail=MailSettings(command=()),
        webhooks=(Webhook(name="team", kind="slack", url="https://chat.example.org/x"),),
        origins=("https://hooks.example.org",),
    )
    ways = Ways(settings, "c")
    with pytest.raises(kind, match=said):
        ways.check({notify.KEY: "end", notify.TO: place})
    ways.check({notify.KEY: "end", notify.TO: "team,https://hooks.example.org/mine?x=1"})


def test_a_mail_has_the_cause_the_last_lines_and_the_link() -> None:
    mail = message_from_bytes(
        as_mail(replace(NOTICE, title="x\nBcc: y@z"), "ly@example.org", "ada@b.org", "c")
    )
    text = str(mail.get_payload(decode=True), "utf-8") if not mail.is_multipart() else ""  # type: ignore[arg-type]
    assert (mail["To"], mail["Subject"], mail["Bcc"]) == ("ada@b.org", "x Bcc: y@z", None)
    assert "Why: exit code 1" in text
    assert "    one\n" in text.replace("\r\n", "\n")
    assert NOTICE.link is not None
    assert NOTICE.link in text


def test_a_chat_shows_what_users_wrote_and_obeys_none_of_it() -> None:
    text = json.loads(as_chat(NOTICE))["text"]
    assert "<!channel>" not in text
    assert "&lt;!channel&gt; ''' two" in text
    assert text.endswith("<http://127.0.0.1:1/jobs/12>")


def test_a_signature_is_of_the_time_and_the_body() -> None:
    body = as_json(NOTICE)
    assert json.loads(body)["at"] == "2023-11-14T22:13:20Z"
    assert (
        len({signature(*one) for one in (("s", 1, body), ("t", 1, body), ("s", 2, body), ("s", 1, b""))}) == 4
    )


def test_last_lines_are_few_short_and_printable() -> None:
    lines = last_lines(b"1\n2\n\n3\n4\n5\x1b[2J\n" + b"6" * 1000 + b"\n")
    assert lines[:4] == ("2", "3", "4", "5 [2J")
    assert len(lines[4]) == 300


def test_titles_say_what_happened() -> None:
    ended = job(ended_at=280.0)
    assert title_of("fail", ended, S.FAILED) == "Job 12 (x) failed after 3 min"
    assert title_of("limit", job(), S.RUNNING) == "Job 12 (x) has used 90% of its time limit"


@pytest.mark.parametrize(
    ("mode", "text", "said"), [(0o644, "s", "run: chmod 600"), (0o600, "a\nb", "one line")]
)
def test_a_secret_is_for_nobody_else(tmp_path: Path, mode: int, text: str, said: str) -> None:
    path = tmp_path / "secret"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(Invalid, match=said):
        read_secret(path)


def test_one_address_has_one_origin() -> None:
    assert origin_of("https://Hooks.Example.org") == origin_of("https://hooks.example.org:443/a?b")


class Places:
    """Fails as often as it is told, then takes."""

    def __init__(self, *answers: type[Exception] | None) -> None:
        self.answers = list(answers)
        self.tried: list[str] = []

    async def deliver(self, entry: Entry) -> None:
        self.tried.append(entry.place)
        if entry.place == "stuck":
            await asyncio.Event().wait()
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer("no")


async def until(condition: object) -> None:
    deadline = time.monotonic() + 60
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


def test_what_fails_is_tried_again_and_what_is_refused_is_not(tmp_path: Path) -> None:
    async def test() -> None:
        places = Places(Failed, Failed, None, Rejected)
        outbox = Outbox(tmp_path / "n", places.deliver, time.time, first_wait_s=0.01)
        outbox.put("ada", "x", notice=NOTICE)
        await until(lambda: outbox.waiting == 0)
        outbox.put("ada", "y", notice=NOTICE)
        await until(lambda: outbox.waiting == 0)
        assert places.tried == ["x", "x", "x", "y"]
        assert (outbox.delivered, outbox.failed, outbox.given_up) == (1, 2, 1)
        assert not list((tmp_path / "n").iterdir())

    asyncio.run(test())


def test_a_place_that_does_not_answer_holds_up_no_other(tmp_path: Path) -> None:
    async def test() -> None:
        places = Places()
        outbox = Outbox(tmp_path / "n", places.deliver, time.time)
        for _ in range(30):
            outbox.put("ada", "stuck", notice=NOTICE)
        outbox.put("bob", "x", notice=NOTICE)
        await until(lambda: outbox.delivered == 1)
        await outbox.close()
        assert outbox.waiting == 0

    asyncio.run(test())


def test_what_was_not_delivered_is_by_the_next_run(tmp_path: Path) -> None:
    async def test() -> None:
        first = Outbox(tmp_path / "n", Places(Failed).deliver, time.time)
        first.put("ada", "x", notice=NOTICE)
        await until(lambda: first.failed == 1)
        await first.close()
        (kept,) = (tmp_path / "n").iterdir()
        assert kept.stat().st_mode & 0o077 == 0

        places = Places()
        second = Outbox(tmp_path / "n", places.deliver, time.time)
        await second.start()
        await until(lambda: second.delivered == 1)
        assert places.tried == ["x"]

    asyncio.run(test())


class Quick:
    """A controller whose jobs have ended when their moves are published, with a store that has them."""

    def __init__(self, ended: Job) -> None:
        self.ended = ended
        self.sessions = self
        self.publish: list[Callable[[Sequence[StateChanged]], None]] = []

    def watch(self, look: Callable[[Sequence[StateChanged]], None]) -> Callable[[], None]:
        self.publish.append(look)
        return lambda: None

    def live_jobs(self) -> list[Job]:
        return [self.ended]

    def live_job(self, job_id: int) -> None:
        return None

    def job(self, job_id: int) -> Job:
        return self.ended

    def room(self, job: Job) -> None:
        return None


def test_the_begin_of_a_job_is_told_although_it_has_ended_by_then(tmp_path: Path) -> None:
    ended = job(state=S.COMPLETED, ended_at=101, started_at=None, metadata={notify.KEY: "start,end"})
    quick: Any = Quick(ended)

    async def test() -> None:
        told = Places()
        outbox = Outbox(tmp_path / "n", told.deliver, time.time)
        ways = Ways(NotifySettings(), "main")
        watching = Watching(quick, quick, quick, ways, outbox, time.time, "main", "http://127.0.0.1:1")
        await watching.start()
        moves = ((S.STARTING, S.PENDING), (S.RUNNING, S.STARTING), (S.COMPLETED, S.RUNNING))
        quick.publish[0]([StateChanged(1, 12, "ada", now, before, 100.0, None) for now, before in moves])
        await until(lambda: outbox.delivered == 2)
        await watching.close()

    asyncio.run(test())
