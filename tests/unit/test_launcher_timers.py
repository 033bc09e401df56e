"""What is to happen when: in order, and not kept for launches that have long ended."""

from launchyard.launcher.timers import Timers


def test_what_is_due_comes_in_order_and_once() -> None:
    timers = Timers()
    for when, name in ((3.0, "c"), (1.0, "a"), (2.0, "b")):
        timers.at(when, name, "limit")
    assert timers.wait_s(0.0, 5.0) == 1.0
    assert timers.due(2.0) == [("a", "limit"), ("b", "limit")]
    assert timers.due(2.0) == []
    assert timers.wait_s(2.5, 5.0) == 0.5


def test_limits_of_launches_that_ended_are_forgotten_long_before_them() -> None:
    """F30: each job has a limit of a day and ends after a second."""
    timers = Timers()
    timers.at(50.0, "4711", "attendant")
    most = 0
    for number in range(20_000):
        timers.at(86_400.0 + number, str(number), "limit")
        timers.tidy({str(number), "0"})
        most = max(most, len(timers))
    assert most < 2000
    assert timers.due(60.0) == [("4711", "attendant")]
    kept = [name for name, _ in timers.due(200_000.0)]
    assert kept[0] == "0"
    assert kept[-1] == "19999"
