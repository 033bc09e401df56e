"""The state directory: what it refuses, and the server's own secret."""

import os
from pathlib import Path

import pytest

from launchyard.model.errors import Invalid
from launchyard.statedir import Owner, StateDir


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    (tmp_path / "daemon").mkdir()
    return StateDir(tmp_path)


def test_it_is_made_at_the_first_start_and_stays(state: StateDir) -> None:
    """Threat 29: default and shared secrets."""
    secret = state.secret()
    assert len(secret) == 32
    assert state.secret() == secret
    path = state.path / "daemon" / "secret"
    assert path.stat().st_mode & 0o777 == 0o600
    path.unlink()
    assert state.secret() != secret


@pytest.mark.parametrize("wrong", ["mode", "short", "link"])
def test_one_that_is_no_secret_is_refused(state: StateDir, wrong: str, tmp_path: Path) -> None:
    """Threat 29: weak ones."""
    path = state.path / "daemon" / "secret"
    state.secret()
    if wrong == "mode":
        path.chmod(0o640)
    elif wrong == "short":
        path.write_bytes(b"hush")
    else:
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises((Invalid, OSError)):
        state.secret()


@pytest.mark.parametrize("over", [0, 1])
def test_a_path_too_long_for_a_socket_is_refused_before_anything_is_made(tmp_path: Path, over: int) -> None:
    longest = 107 - len("/launcher/launcher.sock") + over
    path = tmp_path / ("x" * (longest - len(os.fsencode(tmp_path)) - 1))
    made = StateDir(path)
    if over:
        with pytest.raises(
            Invalid, match=f"too long for the sockets in it; name one of at most {longest - 1} b"
        ):
            made.prepare(Owner(uid=os.getuid(), gid=os.getgid()))
    else:
        made.prepare(Owner(uid=os.getuid(), gid=os.getgid()))
    assert path.exists() is not bool(over)
