"""What `make bench` writes: a group that is measured again takes the places of its rows."""

from benchmarks.row import HEAD, spliced


def test_rows_that_are_measured_again_take_their_places_and_new_ones_come_last() -> None:
    page = f"# Benchmarks\n\n{HEAD}\n| a, with a | 1 | |\n| b | 2 | |\n| c | 3 | |\n"
    fresh = ["| d | 9 | |", "| b | 8 | |", "| a, with a | 7 | |"]
    assert spliced(page, fresh) == ["| a, with a | 7 | |", "| b | 8 | |", "| c | 3 | |", "| d | 9 | |"]
