"""Job ids as people type them."""

import pytest

from launchyard.cli.ids import parse_ids
from launchyard.model.errors import Invalid


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["12"], ["12"]),
        (["12", "14-16", "20_3"], ["12", "14", "15", "16", "20_3"]),
        (["20_[1-3,9]"], ["20_1", "20_2", "20_3", "20_9"]),
        (["20_1-2"], ["20_1", "20_2"]),
        (["1,3,2"], ["1", "3", "2"]),
        (["7", "7", "6-7"], ["7", "6"]),
    ],
)
def test_ids_ranges_and_tasks_are_read_in_order_and_once(words: list[str], ids: list[str]) -> None:
    assert parse_ids(words) == ids


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("job12", '"job12" is not a job\'s id; write for example 12, 14-16 or 20_3'),
        ("-3", '"-3" is not a job\'s id; write for example 12, 14-16 or 20_3'),
        ("16-14", '"16-14" goes backwards; write 14-16'),
        ("1-1000000000", '"1-1000000000" names 1000000000 jobs; at most 10000 can be named at once'),
        ("\x1b[31m5", '"?[31m5" is not a job\'s id; write for example 12, 14-16 or 20_3'),
    ],
)
def test_what_is_no_id_is_refused_with_one_sentence(word: str, sentence: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_ids([word])

    assert str(caught.value) == sentence
