import json

import jax
import pytest
from absl import flags

from configs import theorem as config
from inrr_jax.errors import UserError
from inrr_jax.ntk import study
from scripts import ntk

QUICK = {
    "depth": 1,
    "widths": (2, 3, 4),
    "draws": 1,
    "omegas": (64.0, 128.0, 256.0),
    "shown": (64.0,),
    "samples": 2,
    "images": ("camera",),
    "size": 6,
    "image_omegas": (3.0, 10.0),
}


@pytest.fixture(autouse=True)
def float32_afterwards():
    yield
    jax.config.update("jax_enable_x64", False)


def run(folder, **changes):
    flags.FLAGS.mark_as_parsed()
    settings = config.get_config()
    settings.update_from_flattened_dict(QUICK | changes)
    ntk.main(settings, folder)


def test_a_study_is_written_and_a_second_run_reports_it_without_measuring(tmp_path, capsys, monkeypatch):
    run(tmp_path)
    printed = capsys.readouterr().out.splitlines()
    result = json.loads((tmp_path / "theorem.json").read_text())
    assert result["settings"]["omegas"] == [64, 128, 256]
    assert set(result) == {"settings", "line", "orders", "image", "seconds"}
    assert all((tmp_path / f"{name}.png").stat().st_size > 0 for name in ("functions", "limits", "halves"))
    for part in ("line", "orders", "image"):
        monkeypatch.setattr(study, part, lambda *arguments: pytest.fail("measured twice"))
    run(tmp_path)
    again = capsys.readouterr().out.splitlines()
    assert again[:-1] == printed[:-1]
    assert "finished" in again[-1]
    (tmp_path / "theorem.json").unlink()
    with pytest.raises(pytest.fail.Exception, match="measured twice"):  # an unfinished study is measured
        run(tmp_path)


def test_a_folder_of_other_settings_is_refused_and_not_touched(tmp_path, monkeypatch):
    monkeypatch.setattr(ntk, "_measure", lambda settings, pictures: {"seconds": 0.0})
    monkeypatch.setattr(ntk, "_draw", lambda folder, result: None)
    run(tmp_path)
    before = (tmp_path / "theorem.json").read_bytes()
    with pytest.raises(UserError, match="holds another run, which differs in seed: give another --workdir"):
        run(tmp_path, seed=1)
    assert (tmp_path / "theorem.json").read_bytes() == before


def test_an_unreadable_result_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(ntk, "_measure", lambda settings, pictures: {"seconds": 0.0})
    monkeypatch.setattr(ntk, "_draw", lambda folder, result: None)
    run(tmp_path)
    (tmp_path / "theorem.json").write_text('{"line":')
    with pytest.raises(UserError, match=r"theorem\.json cannot be read"):
        run(tmp_path)


def test_a_study_with_missing_numbers_is_reported(tmp_path, capsys):
    law = [None, None, None]
    (tmp_path / "theorem.json").write_text(
        json.dumps({"orders": dict.fromkeys(("width_weights", "width_rest", "step"), law)})
    )
    ntk._report(ntk._finished(tmp_path / "theorem.json"))
    assert "nan" in capsys.readouterr().out


def test_a_wrong_image_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(UserError, match="picture camra"):
        run(tmp_path / "new", images=("camra",))
    assert not (tmp_path / "new").exists()
