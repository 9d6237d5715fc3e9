"""Show a picture under every mode of mask, with the mask settings of a config.

python -m scripts.masks [--config=FILE] [--config.mask.rate=0.3 ...] [--workdir=FOLDER]

Leaves masks.png, in runs/masks by default.
"""

import dataclasses
from pathlib import Path

from absl import flags
from ml_collections import ConfigDict

from inrr_jax.data import problem
from inrr_jax.data.masks.random import PROFILES
from inrr_jax.settings import MaskSettings, Settings, from_mapping
from scripts import cli

EXAMPLES = {
    "random": {},
    **{f"density, {profile}": {"profile": profile} for profile in PROFILES},
    **{mode: {} for mode in ("rows", "columns", "patch", "text", "blocks", "grid", "stripes", "diagonal", "border")},
    "text+rows": {},
}
"""What is shown: mode, and what it is told beside the settings."""


def main(config: ConfigDict, folder: Path | None) -> None:
    """Draw every mask and leave the figure."""
    from inrr_jax import plots  # matplotlib takes its time to load

    settings = from_mapping(config.to_dict())
    shown = {name: problem.load(_changed(settings, name)) for name in EXAMPLES}
    folder = folder or Path("runs/masks")
    folder.mkdir(parents=True, exist_ok=True)
    titles = {f"{name}: {100 * (1 - task.mask.mean()):.0f} %": task for name, task in shown.items()}
    plots.pictures(
        folder / "masks.png", {name: plots.paint_missing(task.image, task.mask) for name, task in titles.items()}
    )
    print(f"left in {folder}: masks.png")


def _changed(settings: Settings, name: str) -> Settings:
    mask: MaskSettings = dataclasses.replace(settings.mask, mode=name.partition(",")[0], path="", **EXAMPLES[name])
    return dataclasses.replace(settings, mask=mask)


if __name__ == "__main__":
    flags.set_default(cli.CONFIG, str(Path(__file__).parent.parent / "configs" / "base.py"))
    cli.run(main)
