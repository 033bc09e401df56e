"""Who may give orders to an agent. Threats 34 and 35."""

import pytest

from launchyard.agent import seal

KEY = bytes(range(32))
DAEMON, AGENT = b"d" * 32, b"a" * 32
SESSION = seal.session_key(KEY, DAEMON, AGENT)


def sealer() -> seal.Sealer:
    return seal.Sealer(SESSION, seal.TO_NODE)


def opener() -> seal.Opener:
    return seal.Opener(SESSION, seal.TO_NODE)


def test_messages_of_the_session_are_taken_in_order() -> None:
    one, other = sealer(), opener()
    assert [other.open(one.seal(data)) for data in (b"first", b"", b"third")] == [b"first", b"", b"third"]


def test_message_that_was_recorded_is_not_taken_again() -> None:
    one, other = sealer(), opener()
    sealed = one.seal(b"launch")
    other.open(sealed)
    with pytest.raises(seal.Forged):
        other.open(sealed)


def test_message_that_was_left_out_is_missed() -> None:
    one, other = sealer(), opener()
    one.seal(b"kill")
    with pytest.raises(seal.Forged):
        other.open(one.seal(b"launch"))


def test_changed_byte_is_noticed_wherever_it_is() -> None:
    sealed = sealer().seal(b"launch as 1000")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(seal.Forged):
            opener().open(bytes(changed))


@pytest.mark.parametrize(
    "session",
    [
        seal.session_key(b"x" * 32, DAEMON, AGENT),
        seal.session_key(KEY, b"x" * 32, AGENT),
        seal.session_key(KEY, DAEMON, b"x" * 32),
    ],
    ids=["another key", "another nonce of the daemon", "another nonce of the agent"],
)
def test_message_of_another_session_is_not_taken(session: bytes) -> None:
    with pytest.raises(seal.Forged):
        opener().open(seal.Sealer(session, seal.TO_NODE).seal(b"launch"))


def test_answer_is_not_taken_for_an_order() -> None:
    with pytest.raises(seal.Forged):
        opener().open(seal.Sealer(SESSION, seal.FROM_NODE).seal(b"launch"))


def test_agent_without_the_key_cannot_prove_that_it_has_it() -> None:
    assert seal.is_proof(KEY, DAEMON, AGENT, seal.proof(KEY, DAEMON, AGENT))
    assert not seal.is_proof(KEY, DAEMON, AGENT, seal.proof(b"x" * 32, DAEMON, AGENT))
