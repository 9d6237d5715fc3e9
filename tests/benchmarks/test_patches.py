"""The benchmark of the parts of a fill: what its rows hold."""

import pytest

from benchmarks import measure, patches


@pytest.mark.parametrize(("name", "floor"), [("camera, half", 7.4 / 16), ("camera, writing", None)])
def test_a_row_has_the_seconds_of_all_parts_and_the_floor_of_a_search_for_all_pixels(tmp_path, name, floor):
    found = patches.row(name, 1, peak=1e9, side=64)
    assert all(found[part]["median"] > 0 for part in patches.PARTS)
    assert found["floor"] == (floor if floor is None else pytest.approx(floor, rel=0.01))
    assert measure.table([found], patches.COLUMNS).count("\n") == 2
    patches.figure(tmp_path / "patches.png", [found])
    assert (tmp_path / "patches.png").stat().st_size > 0
