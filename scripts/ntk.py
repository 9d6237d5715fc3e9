"""State the smoothness theorem and show it in numbers: tables, theorem.json and three figures.

inrr-jax ntk --config=theorem [--config.NAME=VALUE ...] [--workdir=FOLDER]
"""

import dataclasses
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from inrr_jax.data import images
from inrr_jax.errors import UserError
from inrr_jax.io import workdir
from inrr_jax.io.writers import write_json
from inrr_jax.ntk import study, theorem
from inrr_jax.ntk.theorem import TheoremSettings

from . import cli

STATEMENT = """\
THEOREM. Fit samples by regression with the kernel of an infinitely wide SIREN whose first layer has frequency omega.
(a) As omega grows, K(x, x') / sqrt(K(x, x) K(x', x')) falls like 1/omega for any two points of a line.
(b) Away from the samples the prediction tends to a constant, 0, like 1/omega.
(c) Its root mean square slope grows like sqrt(omega), because every sample becomes a spike.
(d) As omega falls, the slope falls too, and the prediction becomes smooth.
A network of n units behaves in the same way until its own noise, of relative size 1/sqrt(n), dominates.
Hence no single omega suits an image whose missing rate differs from place to place.
Proof, assumptions and explanations of the figures: docs/theory.md.
"""


def main(config: ConfigDict, folder: Path | None) -> None:
    """Run the study that the config describes, or report it if the folder holds it already."""
    settings = cli.settings(config, TheoremSettings)
    theorem.check(settings)
    # Images are loaded first, so that a wrong name or path is refused before anything is written.
    pictures = {name: images.load(name, size=(settings.size, settings.size), grey=True) for name in settings.images}
    folder = folder or cli.default_workdir()
    record = dataclasses.asdict(settings)
    contents = hashlib.sha256(b"".join(picture.tobytes() for picture in pictures.values()))
    workdir.claim(folder, record, contents.hexdigest()[:16])
    print(STATEMENT)
    if result := _finished(folder / "theorem.json"):
        _report(result)
        print(f"\n{folder} holds this study, finished; remove the folder to start over")
        return
    result = {"settings": record, **_measure(settings, pictures)}
    _draw(folder, result)
    # theorem.json marks the study as finished and is therefore written last.
    write_json(folder / "theorem.json", result)
    print(f"\n{result['seconds']:.0f} s; written to {folder}: theorem.json, functions.png, limits.png, halves.png")


def _measure(settings: TheoremSettings, pictures: dict[str, Any]) -> dict[str, Any]:
    """Run the parts of the study and print each one's tables as soon as it is finished."""
    start = time.perf_counter()
    jax.config.update("jax_enable_x64", True)  # see inrr_jax/ntk/study.py
    result: dict[str, Any] = {"line": study.line(settings)}
    _report(result)
    result["orders"] = study.orders(settings)
    _report({"orders": result["orders"]})
    result["image"] = study.image(pictures, settings)
    _report({"image": result["image"]})
    return {**result, "seconds": time.perf_counter() - start}


def _finished(path: Path) -> dict[str, Any] | None:
    """Return the study in theorem.json, or None if there is no such file."""
    try:
        return _null_to_nan(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): give another --workdir, or remove this file") from None


def _null_to_nan(content: Any) -> Any:
    """Undo what `write_json` does to NaN, which a format such as .2e accepts and None is not."""
    if isinstance(content, dict):
        return {key: _null_to_nan(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_null_to_nan(value) for value in content]
    return float("nan") if content is None else content


def _report(result: dict[str, Any]) -> None:
    """Print the tables of those parts of the study that the result holds."""
    for part, report in {"line": _report_line, "orders": _report_orders, "image": _report_image}.items():
        if part in result:
            report(result[part])


def _report_line(line: dict[str, Any]) -> None:
    """Print the theorem's quantities over omega, and their exponents."""
    infinite = line["infinite"]
    print(f"{'omega':>8}{'off-diagonal':>14}{'constant':>12}{'std. dev.':>12}{'slope':>10}{'slope, limit':>14}")
    columns = ("omega", "off_diagonal", "constant", "standard_deviation", "slope", "slope_limit")
    for omega, off_diagonal, constant, deviation, slope, limit in zip(*(infinite[c] for c in columns), strict=True):
        print(f"{omega:8g}{off_diagonal:14.2e}{constant:12.4f}{deviation:12.2e}{slope:10.3f}{limit:14.3f}")
    for name, law in line["exponents"].items():
        print(f"{name.replace('_', ' ')} ~ omega^{_interval(law)}, predicted {study.PREDICTED[name]:+.1f}")
    for width, curves in line["networks"].items():
        print(
            f"width {width:>5} at omega {infinite['omega'][-1]:g}: off-diagonal {curves['off_diagonal'][-1]:.3f},"
            f" standard deviation {curves['standard_deviation'][-1]:.3f}, slope {curves['slope'][-1]:.1f}"
        )
    print(
        f"off-diagonal entries at the largest omega ~ width^{_interval(line['noise_exponent'])}, predicted -0.5 for"
        " large widths",
        flush=True,
    )


def _report_orders(found: dict[str, list[float]]) -> None:
    """Print the orders of convergence in the width and in the step size."""
    print(f"kernel of a network to its limit: weights ~ width^{_interval(found['width_weights'])},", end=" ")
    print(f"first layer and biases ~ width^{_interval(found['width_rest'])}, predicted -0.5")
    print(f"error of the kernel's prediction of a step ~ rate^{_interval(found['step'])}, predicted +2", flush=True)


def _report_image(image: dict[str, Any]) -> None:
    """Print the best omega of each half of each image, and the price of a single omega for both."""
    print(f"\n{'mask':>8}{'image':>12}{'best omega left':>17}{'right':>8}{'price of a single omega':>26}")
    for mode, pictures in image["halves"].items():
        for name, best in pictures.items():
            print(f"{mode:>8}{name:>12}{best['left']:17g}{best['right']:8g}{best['price']:23.2f} dB")


def _interval(law: list[float]) -> str:
    """Format [exponent, low, high] of a power law."""
    return f"{law[0]:+.3f} [{law[1]:+.3f}, {law[2]:+.3f}]"


def _draw(folder: Path, result: dict[str, Any]) -> None:
    from inrr_jax.plots import kernels  # here, because matplotlib is slow to load

    kernels.functions(folder / "functions.png", result["line"])
    kernels.limits(folder / "limits.png", result["line"])
    kernels.halves(folder / "halves.png", result["image"])


if __name__ == "__main__":
    cli.run(main)
