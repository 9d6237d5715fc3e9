"""Figure 2 of INRR: the sampled picture, a SIREN alone, and a SIREN with INRR."""

from typing import Any

from inrr_jax import metrics
from inrr_jax.baselines.diffusion import harmonic
from inrr_jax.data import problem
from inrr_jax.experiments.paper.runs import Property, final, seeded, spread
from inrr_jax.experiments.paper.settings import FiguresSettings
from inrr_jax.settings import change

METHODS = {"SIREN": "none", "SIREN + INRR": "inrr"}
CAPTION = (
    "Baboon under writing and a thick stroke (12.5 % missing, red), recovered by a SIREN alone and with INRR; the first"
    " seed, PSNR on missing pixels."
)


def measure(settings: FiguresSettings) -> Property:
    """Recover the picture by each method, and by the harmonic fill that any of them has to beat."""
    base = change(
        settings.fit, {"data.image": "baboon", "data.size": settings.picture, "mask.mode": "text", "mask.rate": 0.125}
    )
    task = problem.load(base)
    pictures: dict[str, list[Any]] = {name: [] for name in METHODS}
    for name, regularizer in METHODS.items():
        for seed in range(settings.seeds):
            pictures[name].append(final(task, seeded(change(base, {"regularizer.name": regularizer}), seed)))
    pictures["harmonic fill"] = [harmonic(task.image, task.mask)] * settings.seeds
    scores = {name: [metrics.summarize(x, task.image, task.mask) for x in many] for name, many in pictures.items()}
    psnr = {name: [score["psnr_missing"] for score in many] for name, many in scores.items()}
    wins = sum(a > b for a, b in zip(psnr["SIREN + INRR"], psnr["SIREN"], strict=True))
    claims = {
        "INRR recovers missing pixels better than the SIREN alone, with every seed": wins == settings.seeds,
        "SIREN + INRR beats the harmonic fill, on average": sum(psnr["SIREN + INRR"]) > sum(psnr["harmonic fill"]),
    }
    data = {"image": task.image, "mask": task.mask, "psnr": psnr}
    data["recovered"] = {name: pictures[name][0] for name in METHODS}
    return Property(f"{CAPTION} {settings.picture} pixels.", _table(scores), claims, data)


def _table(scores: dict[str, list[dict[str, float]]]) -> list[dict[str, str]]:
    columns = {
        "PSNR missing / dB": ("psnr_missing", 2),
        "PSNR observed / dB": ("psnr_observed", 2),
        "SSIM pasted": ("ssim_pasted", 4),
    }
    return [
        {"method": name}
        | {title: spread([score[key] for score in many], digits) for title, (key, digits) in columns.items()}
        for name, many in scores.items()
    ]
