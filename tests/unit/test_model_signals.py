"""Signals by name and number are Linux's, and CPUs are exact thousandths."""

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launchyard.model.errors import Invalid
from launchyard.model.resources import format_cpus, parse_cpus
from launchyard.model.signals import parse_signal, signal_name


@pytest.mark.parametrize("value", ["USR1", "SIGUSR1", "sigusr1", "10", 10])
def test_a_signal_is_read_by_name_and_number(value: str | int) -> None:
    assert parse_signal(value) == 10


@pytest.mark.parametrize("value", ["", "USR3", "0", 65, "-1", "SIG", "TERM KILL"])
def test_an_unknown_signal_is_refused(value: str | int) -> None:
    with pytest.raises(Invalid, match="there is no signal"):
        parse_signal(value)


@pytest.mark.parametrize("number", range(1, 32))
def test_names_are_those_of_linux_and_read_back(number: int) -> None:
    assert signal_name(number) == ("SIGSTKFLT" if number == 16 else signal.Signals(number).name)
    assert parse_signal(signal_name(number)) == number


def test_a_real_time_signal_is_its_number() -> None:
    assert signal_name(parse_signal("40")) == "signal 40"


@pytest.mark.parametrize(
    ("text", "milli"), [("4", 4_000), ("0.5", 500), (".125", 125), ("0", 0), ("1.50", 1_500)]
)
def test_cpus_are_read_in_thousandths(text: str, milli: int) -> None:
    assert parse_cpus(text) == milli


@pytest.mark.parametrize("text", ["", "four", "0.0005", "-1", "1e3", "4.", "99999999"])
def test_wrong_cpus_are_refused(text: str) -> None:
    with pytest.raises(Invalid, match="the number of CPUs"):
        parse_cpus(text)


@given(st.integers(1, 10**9))
def test_cpus_written_are_read_back(milli: int) -> None:
    assert parse_cpus(format_cpus(milli)) == milli
