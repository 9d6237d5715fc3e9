import pytest

from inrr_jax.data.kinds import picture
from inrr_jax.errors import UserError
from inrr_jax.experiments.sweep_grid import SweepSettings, expand, format_place
from inrr_jax.settings import Settings

RATES = ("mask.rate", (0.25, 0.5))
SEEDS = ("seed+mask.seed", (0, 1, 2))


def test_a_product_has_every_place_once_the_last_axis_fastest():
    points = expand(SweepSettings(axes=(RATES, SEEDS)))
    assert [(p.settings.mask.rate, p.settings.seed, p.settings.mask.seed) for p in points] == [
        (rate, seed, seed) for rate in (0.25, 0.5) for seed in (0, 1, 2)
    ]
    assert points[1].place == {"mask.rate": 0.25, "seed": 1, "mask.seed": 1}
    assert format_place(points[1].place) == "mask.rate=0.25, seed=1, mask.seed=1"


def test_zip_goes_along_all_axes_at_once():
    points = expand(SweepSettings(axes=(RATES, ("field.omega", (5, 9.5))), combine="zip"))
    assert [(p.settings.mask.rate, p.settings.field.omega) for p in points] == [(0.25, 5.0), (0.5, 9.5)]


def test_an_ensemble_varies_the_seed_alone():
    points = expand(SweepSettings(fit=Settings(seed=4), ensemble=3))
    assert [point.place for point in points] == [{"seed": seed} for seed in (4, 5, 6)]


def test_seeds_are_no_axis_of_a_table():
    settings = SweepSettings(axes=(("regularizer.inrr.weight", (0.1, 1.0)), RATES, SEEDS, ("mask.mode", ("random",))))
    assert settings.shown == ["regularizer.inrr.weight", "mask.rate"]
    assert settings.spanning == ("regularizer.inrr.weight", "mask.rate")
    assert settings.repeats
    assert SweepSettings(axes=(RATES, SEEDS)).spanning == ("", "mask.rate")
    assert SweepSettings(axes=(SEEDS,)).spanning == ("", "")
    assert not SweepSettings(axes=(RATES,)).repeats


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "axes is empty: give pairs"),
        ({"axes": ("seed",)}, "axes holds 'seed': give pairs"),
        ({"axes": (("seed", 3),)}, r"axes holds \('seed', 3\): give pairs"),
        ({"axes": (("mask.rates", (0.1,)),)}, r"mask\.rates is unknown: did you mean rate\?"),
        ({"axes": (("masks.rate", (0.1,)),)}, r"masks\.rate is unknown: did you mean mask\.rate\?"),
        ({"axes": (("mask.rate", ()),)}, r"axis mask\.rate is empty"),
        ({"axes": (("mask.rate", (0.1, -1.0)),)}, r"mask\.rate=-1\.0 is out of range"),
        ({"axes": (("field.width", (8, "wide")),)}, r"field\.width='wide' is no int"),
        ({"axes": (RATES, ("mask.rate", (0.9,)))}, r"mask\.rate is in two axes"),
        ({"axes": (("seed+seed", (0,)),)}, "seed is in two axes"),
        ({"axes": (("field.omega", (5, 9, 5.0)),)}, r"fits 0 and 2 are the same one, field\.omega=5\.0"),
        ({"axes": (RATES, SEEDS), "combine": "zip"}, r"mask\.rate has 2, seed\+mask\.seed has 3; give as many"),
        ({"axes": (RATES,), "ensemble": 2}, "ensemble=2 with axes"),
        ({"axes": (RATES, SEEDS), "table": ("mask.rate", "seed")}, r"table=.* give two different axes of mask\.rate"),
        ({"axes": (RATES, ("field.omega", (5, 9))), "table": ("mask.rate", "mask.rate")}, "give two different axes"),
        ({"axes": (("field.factors", (2, 3)),)}, r"field\.factors is no setting of field\.name=siren: it has depth"),
        ({"fit": Settings(seed=2**32 - 2), "ensemble": 3}, "a seed is above 4294967295"),
        ({"ensemble": 2**31 - 1}, "a sweep of 2147483647 fits: give fewer values, for at most 100000"),
        ({"axes": (("seed", tuple(range(400))), ("mask.seed", tuple(range(400))))}, "a sweep of 160000 fits"),
        ({"axes": (RATES,), "fit": Settings(data=picture.Config(truth=False))}, "psnr_missing needs data.truth"),
    ],
)
def test_what_is_no_sweep_is_refused_in_one_line(changes, message):
    with pytest.raises(UserError, match=message) as caught:
        expand(SweepSettings(**changes))
    assert "\n" not in str(caught.value)


def test_options_of_another_field_can_vary_together_with_its_name():
    points = expand(SweepSettings(axes=(("field.name", ("dmf",)), ("field.factors", (2, 4)))))
    assert [point.settings.field.factors for point in points] == [2, 4]
