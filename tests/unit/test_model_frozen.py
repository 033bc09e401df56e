"""Changing a frozen value: the same as the standard way, and as strict."""

from dataclasses import fields, replace

import pytest

from launchyard.model.frozen import changed
from tests.unit.cluster import job


def test_a_changed_value_equals_a_replaced_one() -> None:
    one = job(7, name="train", nice=3)
    assert changed(one, name="test", held=True) == replace(one, name="test", held=True)
    assert changed(one) == one
    assert all(hasattr(changed(one), field.name) for field in fields(one))


def test_the_value_itself_stays() -> None:
    one = job(7)
    changed(one, name="other")
    assert one.name == "job"


def test_a_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(KeyError):
        changed(job(7), nmae="typo")
