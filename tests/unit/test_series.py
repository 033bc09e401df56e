"""Series of usage: bounded however long a job runs, told as rates, kept on the disk."""

from pathlib import Path

from launchyard.model.series import EVERY_S, SAMPLES_MAX, Sample, Series, rates, with_sample
from launchyard.store.series import SPARE, SeriesFiles


def grown(seconds: float) -> Series:
    """A job that uses two processors and one MiB a second, looked at as its series wants."""
    series, at_s = Series(launch_id="l1"), 0.0
    while at_s + series.every_s <= seconds:
        at_s += series.every_s
        series = with_sample(series, Sample(at_s, 2 * at_s, at_s % 100, at_s, 0.0))
    return series


def test_a_series_of_a_month_is_no_longer_than_one_of_an_hour() -> None:
    hour, month = grown(3600), grown(30 * 86_400)
    assert SAMPLES_MAX / 2 <= len(hour.samples) <= SAMPLES_MAX
    assert SAMPLES_MAX / 2 <= len(month.samples) <= SAMPLES_MAX
    assert month.every_s > 100 * EVERY_S


def test_thinning_keeps_counts_and_the_greater_memory() -> None:
    full = Series(launch_id="l1")
    for at in range(1, SAMPLES_MAX + 2):
        full = with_sample(full, Sample(float(at), 2.0 * at, 900.0 if at == 2 else 10.0))
    assert full.samples[-1] == Sample(SAMPLES_MAX + 1.0, 2.0 * SAMPLES_MAX + 2, 10.0)
    assert max(one.memory_mib or 0 for one in full.samples) == 900
    assert full.every_s == 2 * EVERY_S


def test_rates_are_what_was_used_between_two_looks() -> None:
    found = rates([Sample(5.0, 10.0, 64.04, 50.0, 0.0), Sample(10.0, 10.5, 32.0, 40.0, None)])
    assert [one.cpus for one in found] == [2.0, 0.1]
    assert [one.memory_mib for one in found] == [64.0, 32.0]
    assert [one.read_mib_s for one in found] == [10.0, 0.0]
    assert [one.written_mib_s for one in found] == [0.0, None]


def test_a_sample_that_comes_before_the_last_is_left_out() -> None:
    series = with_sample(Series(launch_id="l1"), Sample(10.0, 1.0))
    assert with_sample(series, Sample(9.0, 2.0)) is series


def test_a_series_is_read_back_as_it_was_kept(tmp_path: Path) -> None:
    shelf, series = SeriesFiles(tmp_path / "series"), grown(600)
    shelf.put(series)
    assert SeriesFiles(tmp_path / "series").get("l1") == series
    assert shelf.get("l2") is None


def test_a_launch_id_that_is_a_path_names_nothing(tmp_path: Path) -> None:
    shelf = SeriesFiles(tmp_path / "series")
    shelf.put(Series(launch_id="../l1"))
    assert not list(tmp_path.rglob("*.json"))
    assert shelf.get("../l1") is None


def test_the_oldest_series_are_removed(tmp_path: Path) -> None:
    shelf = SeriesFiles(tmp_path, files_max=10)
    for number in range(10 + SPARE + 1):
        shelf.put(Series(launch_id=f"l{number}"))
    assert len(list(tmp_path.iterdir())) == 10
    assert shelf.get(f"l{10 + SPARE}") is not None


def test_a_file_that_is_no_series_is_as_if_it_were_not_there(tmp_path: Path) -> None:
    (tmp_path / "l1.json").write_text('{"launch_id":')
    assert SeriesFiles(tmp_path).get("l1") is None
