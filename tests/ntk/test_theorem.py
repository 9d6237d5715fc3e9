import dataclasses

import pytest

from configs import theorem as config
from inrr_jax.errors import UserError
from inrr_jax.ntk import theorem
from inrr_jax.ntk.theorem import TheoremSettings
from inrr_jax.options import from_mapping


@pytest.mark.parametrize("variant", ["", "smoke"])
def test_the_settings_of_the_config_are_accepted(variant):
    theorem.check(from_mapping(config.get_config(variant).to_dict(), TheoremSettings))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("omegas", (), r"omegas=\(\): give positive numbers"),
        ("shown", (1.0, -2.0), "shown=.*: give positive numbers"),
        ("image_omegas", ("3",), "image_omegas=.*: give positive numbers"),
        ("widths", (64, 128.0, 256), "widths=.*: give positive whole numbers"),
        ("omegas", (1.0, 2.0, 64.0, 128.0), "omegas=.*: give at least three of 64 or more"),
        ("widths", (64, 128), "widths=.*: give at least three"),
        ("draws", 0, "draws=0: give at least 1"),
        ("samples", 1, "samples=1: give at least 2"),
        ("size", 3, "size=3: give at least 4"),
    ],
)
def test_settings_out_of_range_are_refused(name, value, message):
    with pytest.raises(UserError, match=message):
        theorem.check(dataclasses.replace(TheoremSettings(), **{name: value}))
