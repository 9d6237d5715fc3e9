"""A saved field is evaluated without this package, bit for bit as with it, for every kind of field."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from jax import export

from inrr_jax.data.units import Units
from inrr_jax.fields import FIELDS
from inrr_jax.options import change
from inrr_jax.problem import Domain
from inrr_jax.settings import Settings
from inrr_jax.training import portable
from inrr_jax.training.fitted import FittedField, Frame
from inrr_jax.training.programs import static_key

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "fitted_field.md"
SMALL = {"width": 8, "depth": 2, "image.width": 8, "image.depth": 2, "maps.width": 8, "maps.depth": 2, "tile": 16}
WITHOUT = """
import sys
sys.modules["inrr_jax"] = None  # importing it now fails
exec(open(sys.argv[1]).read())
assert not [name for name in sys.modules if name.startswith("inrr_jax.")]
load = Field
"""
WITH = """
import sys
import numpy as np
from inrr_jax import load
"""
EVALUATE = """
for path in sys.argv[2:]:
    field, points = load(path), np.load(path + ".points.npy")
    found = {"values": field(points), "gradient": field.gradient(points), "laplacian": field.laplacian(points)}
    np.savez(path + "." + sys.argv[1].rpartition("/")[2] + ".npz", **found)
"""


def random_field(name, precision="float32", grid=(6, 5)):
    """Return a field with random parameters, and coordinates of its own."""
    domain = Domain(grid, 3 if name == "joint" else 1, signal=1 if name == "joint" else 0)
    settings = change(Settings(), {"field.name": name})
    own = {f"field.{key}": value for key, value in SMALL.items() if hasattr(settings.field, key)}
    settings = change(settings, {**own, "field.precision": precision})
    auxiliary = {"first_estimate": np.random.default_rng(1).random((*grid, 1)).astype(np.float32)}
    params = static_key(settings).build_field(domain).init(jax.random.key(0), auxiliary)
    params = jax.tree.map(lambda x: np.asarray(x) + 0.1, params)
    units = Units(np.full(domain.channels, 7.3), np.full(domain.channels, 123.4)) if name == "siren" else None
    return FittedField(params, domain, settings, Frame((100.0, -3.0), (10.0, 0.5)), units)


QUICK = [("siren", "float32"), ("grid", "float32")]
REST = [(name, "float32") for name in FIELDS if name not in ("siren", "grid")] + [
    ("siren", "bfloat16"),
    ("planes", "bfloat16"),
]


def evaluate_elsewhere(folder, cases):
    """Save a field of every case, and return its values by a process with the package and by one without."""
    (code,) = re.findall(r"```python\n(import json.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert set(re.findall(r"^(?:import|from) (\w+)", code, re.MULTILINE)) == {"json", "jax", "numpy"}
    (folder / "without").write_text(code)
    paths = [str(folder / "-".join(case)) for case in cases]
    for case, path in zip(cases, paths, strict=True):
        random_field(*case).save(path)
        np.save(f"{path}.points.npy", np.random.default_rng(2).uniform((90, -4), (170, 2), (37, 2)))
    # As users run them: the flags by which the tests compile faster also change how programs are fused and rounded.
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    for name, loader in (("with", WITH), ("without", WITHOUT)):
        command = [sys.executable, "-c", loader + EVALUATE, str(folder / name), *paths]
        subprocess.run(command, check=True, cwd=ROOT, env=environment, timeout=300)
    return [[dict(np.load(f"{path}.{name}.npz")) for name in ("with", "without")] for path in paths]


@pytest.mark.parametrize("cases", [QUICK, pytest.param(REST, marks=pytest.mark.slow)], ids=["quick", "rest"])
def test_a_process_without_the_package_finds_the_same_bits(tmp_path, cases):
    found = evaluate_elsewhere(tmp_path, cases)
    assert len(found) == len(cases)
    for own, other in found:
        for name in ("values", "gradient", "laplacian"):
            np.testing.assert_array_equal(other[name], own[name])
        assert own["values"].std() > 0


def test_the_file_names_its_version_and_platforms_and_holds_no_pickle(tmp_path):
    random_field("siren").save(tmp_path / "field.npz")
    with np.load(tmp_path / "field.npz", allow_pickle=False) as content:
        assert json.loads(str(content["about"]))["version"] == 2
        exported = export.deserialize(bytearray(content["program/values"].tobytes()))
    assert exported.platforms == ("cpu", "cuda", "tpu")


def test_fields_of_one_shape_share_their_programs():
    field = random_field("siren")
    arrays, key = field._arrays, portable.program_key(field.settings)
    program = export.deserialize(bytearray(portable.programs(arrays, field.domain, key)["values"]))
    points = np.zeros((3, 2), np.float32)
    for params in (arrays, {name: array / 2 for name, array in arrays.items()}):
        expected = portable.values(params, points, domain=field.domain, static=key)
        np.testing.assert_array_equal(program.call(params, points), expected)
