"""What users of the machine try with what an installation keeps: configuration, hooks, secrets, nodes."""

import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from launchyard import config
from launchyard.agent import seal
from launchyard.agent.agent import Refused as RefusedByAgent
from launchyard.launcher import hooks
from launchyard.model.errors import Invalid
from tests.system.product import Product, Refused
from tests.system.test_two_users import CONFIG
from tests.threats.yard import ADA, LI, Yard, home, run_as
from tests.unit.test_agent_launcher import carried

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it acts as several users"),
]


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A directory of root's that every user may enter, in another that is root's alone."""
    with tempfile.TemporaryDirectory(prefix="ly-", dir="/var/lib") as name:
        Path(name).chmod(0o755)
        yield Path(name)


# -- configuration and programs of the site

Loosen = Callable[[Path, str], Path]
"""Makes a good file at a place that is not: its directory and its name; where it is then."""


def file_of(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\nexit 0\n" if "hook" in name else CONFIG)
    path.chmod(0o755 if "hook" in name else 0o600)
    return path


def group_may_write(folder: Path, name: str) -> Path:
    path = file_of(folder, name)
    path.chmod(path.stat().st_mode | 0o020)
    return path


def folder_of_all(folder: Path, name: str) -> Path:
    path = file_of(folder, name)
    folder.chmod(0o777)
    return path


def above_is_of_all(folder: Path, name: str) -> Path:
    folder.mkdir()
    path = file_of(folder / "below", name)
    folder.chmod(0o777)
    return path


def of_a_user(folder: Path, name: str) -> Path:
    path = file_of(folder, name)
    shutil.chown(path, ADA)
    return path


def link_to_it(folder: Path, name: str) -> Path:
    """Where it leads is well kept; who has the link leads it elsewhere the next time."""
    folder.mkdir()
    good = file_of(folder / "good", name)
    (folder / "loose").mkdir()
    (folder / "loose" / name).symlink_to(good)
    shutil.chown(folder / "loose", ADA)
    return folder / "loose" / name


def link_on_the_way(folder: Path, name: str) -> Path:
    """A directory on the way is a link that goes by a place that is a user's."""
    path = link_to_it(folder, name)
    (folder / "loose" / "way").symlink_to(folder / "good")
    (folder / "way").symlink_to(folder / "loose" / "way")
    return folder / "way" / path.name


def link_of_a_user(folder: Path, name: str) -> Path:
    """In a directory such as /tmp."""
    folder.mkdir()
    good = file_of(folder / "good", name)
    (folder / "sticky").mkdir()
    (folder / "sticky").chmod(0o1777)
    path = folder / "sticky" / name
    path.symlink_to(good)
    os.lchown(path, good.parent.stat().st_uid + home(ADA).stat().st_uid, 0)
    return path


LOOSE: tuple[Loosen, ...] = (
    *(
        group_may_write,
        folder_of_all,
        above_is_of_all,
        of_a_user,
        link_to_it,
        link_on_the_way,
        link_of_a_user,
    ),
)


def started(state: Path, kind: str, path: Path) -> str:
    """What the server says that does not start; empty: it has."""
    product = Product(state, CONFIG if kind == "config" else f'{CONFIG}[hooks]\n{kind} = "{path}"\n')
    if kind == "config":
        product.config = path
    try:
        product.start()
    except Refused as refused:
        return str(refused.problem["error"])
    finally:
        product.destroy()
    return ""


@pytest.mark.parametrize("loosen", LOOSE)
def test_what_a_user_could_have_changed_is_not_taken(place: Path, loosen: Loosen) -> None:
    """Threat 48: a file, a directory above it, or a link on the way; of settings and of programs."""
    folder = place / loosen.__name__
    assert hooks.refusal(str(file_of(place / "fine", "hook"))) is None
    assert config.load(file_of(place / "fine", "config.toml"), root=True, environ={})
    said = hooks.refusal(str(loosen(folder, "hook")))
    assert said is not None
    assert "; run: ch" in said
    with pytest.raises(Invalid, match="; run: ch"):
        config.load(loosen(place / f"{folder.name}-c", "config.toml"), root=True, environ={})


@pytest.mark.parametrize(
    ("kind", "loosen"), [("config", link_to_it), ("prolog", link_on_the_way), ("submit_filter", of_a_user)]
)
def test_the_server_does_not_start_with_it(place: Path, kind: str, loosen: Loosen) -> None:
    """Threat 48: nor with a program that it would run later."""
    said = started(
        place / f"s-{kind}", kind, loosen(place / f"k-{kind}", "config.toml" if kind == "config" else "hook")
    )
    assert "; run: ch" in said
    assert "Traceback" not in said


# -- secrets


def test_secrets_are_made_for_each_installation_and_closed_to_users(yard: Yard, place: Path) -> None:
    """Threat 29: not the same twice, readable by the server alone, and nothing weak is taken."""
    other = Product(place / "other", CONFIG)
    other.start()
    try:
        found = [state / "daemon" / "secret" for state in (yard.state, other.state)]
        texts = [path.read_bytes() for path in found]
        assert texts[0] != texts[1]
        for path, text in zip(found, texts, strict=True):
            assert len(set(text)) > 16
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            for user in (ADA, LI):
                assert run_as(user, "cat", str(path)).returncode != 0
                assert run_as(user, "ls", str(path.parent)).returncode != 0
        token = yard.tokens[ADA]
        assert "lytest" not in token
        assert len(set(yard.tokens.values())) == len(yard.tokens)
        assert other.stop() == 0
        found[1].write_bytes(b"changeme" * 8)
        with pytest.raises(Refused, match="too plain for a secret"):
            other.start()
    finally:
        other.destroy()


# -- a node's own daemon

CONNECT = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"


def test_a_node_takes_orders_from_its_daemon_alone(yard: Yard, place: Path) -> None:
    """Threats 34, 35: forged, changed, repeated or from another session; and by users, past the agent."""
    folder = place / "n"
    folder.mkdir()
    with carried(folder) as made:
        sealed = list(made.said)
        nonce = secrets.token_bytes(32)
        again = [made.agent.greet(nonce) for _ in range(2)]
        assert again[0] != again[1]
        assert made.agent.greet(b"")[1] != again[0][1]
        guess = seal.Sealer(seal.session_key(bytes(32), nonce, again[0][0]), seal.TO_NODE)
        wrong = [
            sealed[0],
            sealed[0][:-1],
            sealed[0] + b"x",
            bytes(len(sealed[0])),
            b"",
            bytes(31),
            guess.seal(b"x"),
        ]
        flipped = bytearray(sealed[0])
        flipped[0] ^= 1
        for session in (made.id, again[0][0], again[1][0], bytes(32), b"", made.id[:-1]):
            for message in (*wrong, bytes(flipped)):
                with pytest.raises((seal.Forged, RefusedByAgent)):
                    made.agent.push(session, message)
                with pytest.raises((seal.Forged, RefusedByAgent)):
                    made.agent.pull(session, message)
        kept = [path for path in (folder / "nodes").rglob("*") if not path.is_symlink()]
        assert any(path.name == "key" for path in kept)
        for user in (ADA, LI):
            for path in kept:
                if path.is_file():
                    assert run_as(user, "cat", str(path)).returncode != 0 or not closed(path), path
                elif path.is_socket():
                    assert run_as(user, "python3", "-c", CONNECT, str(path)).returncode != 0, path
                elif path.is_dir():
                    assert run_as(user, "touch", str(path / "of-a-user")).returncode != 0, path


def closed(path: Path) -> bool:
    """What nobody else should read."""
    return path.name == "key" or "launcher" in path.parts or "log" in path.name
