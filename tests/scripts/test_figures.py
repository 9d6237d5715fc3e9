import json
from pathlib import Path

import pytest
from absl import flags

from configs import figures as config
from inrr_jax.errors import UserError
from inrr_jax.experiments.paper import MEASURES
from inrr_jax.io.results import Results
from inrr_jax.io.writers import read_lines
from inrr_jax.plots.paper import DRAW
from scripts import figures

QUICK = {"fit.field.depth": 1, "fit.optimizer.name": "adam", "fit.field.width": 8, "fit.regularizer.inrr.depth": 1}


def run(folder, names, **changes):
    flags.FLAGS.mark_as_parsed()
    settings = config.get_config("smoke")
    settings.update_from_flattened_dict(QUICK | changes)
    figures.main(settings, folder, names)


def test_a_property_leaves_a_figure_a_table_and_a_record_and_is_not_measured_twice(tmp_path, capsys, monkeypatch):
    name = "similarity"
    run(tmp_path, [name])
    assert json.loads((tmp_path / "config.json").read_text())["seeds"] == 2
    (row,) = read_lines(tmp_path / "results.jsonl")
    text = (tmp_path / f"{name}.md").read_text()
    assert row["property"] == name
    assert row["claims"]
    assert all(claim in text for claim in row["claims"])
    assert json.loads((tmp_path / f"{name}.json").read_text())["steps"]
    assert (tmp_path / f"{name}.png").stat().st_size > 0
    monkeypatch.setitem(MEASURES, name, lambda settings, runs: pytest.fail("measured twice"))
    capsys.readouterr()
    run(tmp_path, [name])
    assert text in capsys.readouterr().out
    with pytest.raises(UserError, match="holds another run, which differs in seeds"):
        run(tmp_path, [name], seeds=3)
    with pytest.raises(pytest.fail.Exception, match="measured twice"):
        run(tmp_path / "other", [name], seeds=3)


@pytest.mark.slow
def test_all_properties_are_measured_and_drawn(tmp_path):
    run(tmp_path, ["all"])
    assert all((tmp_path / f"{name}.png").exists() for name in MEASURES)


def test_documents_hold_every_property_that_is_there(tmp_path):
    for name in ("momentum", "figure2"):
        (tmp_path / f"{name}.md").write_text(f"## {name}\n")
        (tmp_path / f"{name}.png").write_bytes(b"picture")
    results = Results(tmp_path, figures.KEYS)
    results.add([{"property": name, "claims": {"a": True, "b": False}} for name in ("momentum", "figure2")])
    figures._document(results, tmp_path / "docs")
    text = (tmp_path / "docs" / "properties.md").read_text()
    assert "| [figure2](#figure2) | 1 of 2 |" in text
    assert 0 < text.index("## figure2") < text.index("## momentum")
    assert {path.name for path in (tmp_path / "docs" / "figures").iterdir()} == {"figure2.png", "momentum.png"}


@pytest.mark.parametrize(
    ("names", "message"),
    [([], "give the properties to measure: all, or some of figure2"), (["figure4"], "did you mean figure2")],
)
def test_names_that_are_none_are_refused(tmp_path, names, message):
    with pytest.raises(UserError, match=message):
        run(tmp_path, names)


def test_every_property_has_its_figure():
    assert set(DRAW) == set(MEASURES)


def test_the_documented_figures_are_there_and_small():
    docs = Path(__file__).parents[2] / "docs"
    text = (docs / "properties.md").read_text()
    for name in MEASURES:
        assert f"(figures/{name}.png)" in text
        assert (docs / "figures" / f"{name}.png").stat().st_size < 200_000
