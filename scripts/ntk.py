"""State the smoothness theorem in words and show it in numbers: a table, theorem.json and three figures.

python -m scripts.ntk --config=configs/theorem.py [--config.NAME=VALUE ...] [--workdir=FOLDER]
"""

import time
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from inrr_jax.data import images, masks
from inrr_jax.errors import UserError
from inrr_jax.experiments import analysis
from inrr_jax.io.writers import write_json
from inrr_jax.ntk import orders, siren, theorem
from inrr_jax.ntk.theorem import TheoremSettings
from inrr_jax.settings import FieldSettings, from_mapping
from scripts import cli

STATEMENT = """\
THEOREM. Fit samples by regression with the kernel of an infinitely wide SIREN whose first layer has frequency omega.
(a) As omega grows, K(x, x') / sqrt(K(x, x) K(x', x')) falls like 1/omega for any two points of a line.
(b) Away from the samples the prediction goes to one constant, 0, like 1/omega.
(c) Its root mean square slope grows like sqrt(omega): every sample becomes a spike of its own.
(d) As omega falls, the slope falls with it: the prediction becomes smooth.
A network of n units follows until its own noise, of relative size 1/sqrt(n), takes over.
Hence one omega cannot suit an image whose missing rate differs from place to place.
Proof, assumptions and how to read the figures: docs/theory.md.
"""
LARGE = 64.0
"""Exponents are measured from this omega on."""


def main(config: ConfigDict, folder: Path | None) -> None:
    """Show the theorem with the settings that the config describes."""
    settings = _checked(from_mapping(config.to_dict(), TheoremSettings))
    pictures = {name: images.load(name, size=(settings.size, settings.size), grey=True) for name in settings.images}
    folder = folder or cli.default_workdir()
    folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    # At small omega the kernel is nearly singular: float32 would draw its own rounding, not the prediction.
    jax.config.update("jax_enable_x64", True)
    print(STATEMENT)
    result = {"line": _line(settings), "orders": _orders(settings), "image": _image(pictures, settings)}
    result["seconds"] = time.perf_counter() - start
    write_json(folder / "theorem.json", result)
    _draw(folder, result)
    print(f"\n{result['seconds']:.0f} s; left in {folder}: theorem.json, functions.png, limits.png, halves.png")


def _checked(settings: TheoremSettings) -> TheoremSettings:
    kinds = {"omegas": float | int, "shown": float | int, "image_omegas": float | int, "widths": int}
    for name, kind in kinds.items():
        values = getattr(settings, name)
        if not values or not all(isinstance(value, kind) and value > 0 for value in values):
            what = "whole numbers" if kind is int else "numbers"
            raise UserError(f"{name}={values!r}: give positive {what}, such as --config.{name}='(64, 256, 1024)'")
    if sum(omega >= LARGE for omega in settings.omegas) < 3:
        raise UserError(f"omegas={settings.omegas}: give at least three from {LARGE:g} on, to measure exponents there")
    if len(settings.widths) < 3:
        raise UserError(f"widths={settings.widths}: give at least three, to measure how the network's noise falls")
    if settings.draws < 1 or settings.samples < 2 or settings.size < 4:
        raise UserError("draws, samples and size: give at least 1, 2 and 4")
    return settings


def _line(settings: TheoremSettings) -> dict[str, Any]:
    """Predict a line at every omega, with the infinite-width kernel and with networks of each width."""
    line = theorem.sampled_line(jax.random.key(settings.seed), settings.samples, points=16_001)
    infinite = _sweep(line, settings)
    exponents = _exponents(infinite)
    coarse = line._replace(points=line.points[::16])
    networks = {str(width): _networks(width, coarse, settings) for width in settings.widths}
    shown = line._replace(points=jnp.sort(jnp.concatenate([line.points[::8], line.samples]), axis=0))
    return {
        "samples": np.asarray(line.samples[:, 0]).tolist(),
        "targets": np.asarray(line.targets[:, 0]).tolist(),
        "points": np.asarray(shown.points[:, 0]).tolist(),
        "predictions": {
            str(omega): np.asarray(_infinite(omega, shown, settings).prediction).tolist() for omega in settings.shown
        },
        "infinite": infinite,
        "exponents": exponents,
        "networks": networks,
        "noise_exponent": _noise_exponent(networks),
    }


def _sweep(line: theorem.Line, settings: TheoremSettings) -> dict[str, list[float]]:
    """Measure the limits of the infinite-width kernel at every omega, and print them."""
    table: dict[str, list[float]] = {}
    print(f"{'omega':>8}{'off-diagonal':>14}{'constant':>12}{'spread':>12}{'slope':>10}{'slope, limit':>14}")
    for omega in settings.omegas:
        row = {"omega": omega, **_numbers(_infinite(omega, line, settings))}
        row["slope_limit"] = float(theorem.slope_limit(line, omega, depth=settings.depth))
        print(
            f"{omega:8g}{row['off_diagonal']:14.2e}{row['constant']:12.4f}{row['spread']:12.2e}{row['slope']:10.3f}"
            f"{row['slope_limit']:14.3f}"
        )
        for name, value in row.items():
            table.setdefault(name, []).append(value)
    return table


def _infinite(omega, line, settings):
    return theorem.infinite_limits(omega, line, settings.jitter, width=settings.widths[-1], depth=settings.depth)


def _numbers(limits: theorem.Limits) -> dict[str, float]:
    return {name: float(jnp.mean(value)) for name, value in limits._asdict().items() if name != "prediction"}


def _networks(width: int, line: theorem.Line, settings: TheoremSettings) -> dict[str, list[float]]:
    """Measure the limits of networks of one width: means over their initialisations, at every omega."""
    key = jax.random.key(settings.seed + 1)
    measure = partial(theorem.empirical_limits, width=width, depth=settings.depth, draws=settings.draws)
    found = [measure(key, omega, line, settings.jitter) for omega in settings.omegas]
    rows = [_numbers(limits) for limits in found]
    last = rows[-1]
    print(
        f"width {width:>5} at omega {settings.omegas[-1]:g}: off-diagonal {last['off_diagonal']:.3f},"
        f" spread {last['spread']:.3f}, slope {last['slope']:.1f}",
        flush=True,
    )
    return {**{name: [row[name] for row in rows] for name in last}, "left": found[-1].off_diagonal.tolist()}


def _exponents(infinite: dict[str, list[float]]) -> dict[str, list[float]]:
    """Measure the powers of omega from `LARGE` on, with their 95 % confidence intervals."""
    omegas = np.array(infinite["omega"])
    large = omegas >= LARGE
    found = {}
    for name, predicted in (("off_diagonal", -1.0), ("spread", -1.0), ("slope", 0.5)):
        found[name] = [*analysis.power_law(omegas[large], np.array(infinite[name])[large])]
        print(f"{name.replace('_', '-')} ~ omega^{_interval(found[name])}, predicted {predicted:+.1f}")
    return found


def _noise_exponent(networks: dict[str, dict[str, list[float]]]) -> list[float]:
    """Measure how the off-diagonal entries that the largest omega leaves fall with the width, over all draws."""
    left = [(float(width), value) for width, rows in networks.items() for value in rows["left"]]
    found = [*analysis.power_law(*np.array(left).T)]
    print(
        f"off-diagonal entries that the largest omega leaves ~ width^{_interval(found)}, predicted -0.5 for large"
        " widths"
    )
    return found


def _interval(law: list[float]) -> str:
    return f"{law[0]:+.3f} [{law[1]:+.3f}, {law[2]:+.3f}]"


def _orders(settings: TheoremSettings) -> dict[str, Any]:
    """Measure the order of the kernel's two approximations: in the width, and in the step."""
    key, place = jax.random.split(jax.random.key(settings.seed))
    points = jax.random.uniform(place, (32, 2), minval=-1.0, maxval=1.0)
    draws = 4 * settings.draws
    widths = np.repeat(np.array(settings.widths, float), draws)
    errors = np.concatenate(
        [
            orders.width_errors(key, points.astype(jnp.float32), 30.0, width=n, depth=settings.depth, draws=draws)
            for n in settings.widths
        ]
    )
    rates = np.geomspace(1e-8, 1e-6, 9)
    field = FieldSettings(width=settings.widths[0], depth=settings.depth, sine="exact")
    remainders = orders.step_remainders(key, points, 30.0, jnp.asarray(rates), settings=field)
    found = {
        "width_weights": [*analysis.power_law(widths, errors[:, 0])],
        "width_rest": [*analysis.power_law(widths, errors[:, 1])],
        "step": [*analysis.power_law(rates, np.asarray(remainders))],
    }
    print(f"kernel of a network to its limit: weights ~ width^{_interval(found['width_weights'])},", end=" ")
    print(f"first layer and biases ~ width^{_interval(found['width_rest'])}, predicted -0.5")
    print(f"a step beyond the kernel's prediction ~ rate^{_interval(found['step'])}, predicted +2")
    return found


def _image(pictures: dict[str, Any], settings: TheoremSettings) -> dict[str, Any]:
    """Recover images under random and density masks at every omega, and score their halves apart."""
    shape = (settings.size, settings.size)
    key = jax.random.fold_in(jax.random.key(settings.seed), 1)
    drawn = {mode: np.asarray(masks.make(key, shape, mode, settings.rate)) for mode in ("random", "density")}
    points = theorem.pixels(settings.size, jnp.float64)
    kernel = jax.jit(lambda omega: siren(omega, points, points, width=settings.widths[-1], depth=settings.depth))
    scores = {mode: {name: [] for name in pictures} for mode in drawn}
    for omega in settings.image_omegas:
        gram = kernel(omega)
        for mode, mask in drawn.items():
            for name, image in pictures.items():
                errors = theorem.image_errors(image, mask, gram, settings.image_jitter)
                scores[mode][name].append([-10 * np.log10(error) for error in errors])
    return {"omegas": list(settings.image_omegas), "psnr": scores, "halves": _compare_halves(settings, scores)}


def _compare_halves(settings: TheoremSettings, scores) -> dict[str, Any]:
    """Tell the best omega of each half, and what the best single one costs the half that it costs more."""
    print(f"\n{'mask':>8}{'image':>12}{'best omega left':>17}{'right':>8}{'price of a single omega':>26}")
    table: dict[str, Any] = {}
    for mode, pictures in scores.items():
        for name, rows in pictures.items():
            psnr = np.array(rows)[:, :2]
            best = [settings.image_omegas[i] for i in psnr.argmax(axis=0)]
            price = float((psnr.max(axis=0)[None, :] - psnr).max(axis=1).min())
            table.setdefault(mode, {})[name] = {"left": best[0], "right": best[1], "price": price}
            print(f"{mode:>8}{name:>12}{best[0]:17g}{best[1]:8g}{price:23.2f} dB")
    return table


def _draw(folder: Path, result: dict[str, Any]) -> None:
    from inrr_jax.plots import kernels  # matplotlib takes its time to load

    kernels.functions(folder / "functions.png", result["line"])
    kernels.limits(folder / "limits.png", result["line"])
    kernels.halves(folder / "halves.png", result["image"])


if __name__ == "__main__":
    cli.run(main)
