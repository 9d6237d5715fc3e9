"""Draw a picture under every mask mode, with the mask settings of a config.

python -m scripts.masks [--config=FILE] [--config.mask.rate=0.3 ...] [--workdir=FOLDER]

Writes masks.png, by default to runs/masks.
"""

import dataclasses
from pathlib import Path

from absl import flags
from ml_collections import ConfigDict

from inrr_jax.data import masks, problem
from inrr_jax.data.masks.density import PROFILES
from inrr_jax.settings import MaskSettings, Settings, from_mapping
from scripts import cli

EXAMPLES = {
    "random": {},
    **{f"density, {profile}": {"profile": profile} for profile in PROFILES},
    **{mode: {} for mode in masks.MODES if mode not in ("random", "density")},
    "text+rows": {},
}
"""Title of each picture, which starts with the mask mode, and the mask settings that it changes."""


def main(config: ConfigDict, folder: Path | None) -> None:
    """Draw the picture under every mask and write the figure."""
    from inrr_jax import plots  # Imported late because matplotlib takes long to load.

    settings = from_mapping(config.to_dict())
    shown = {name: problem.load(_changed(settings, name)) for name in EXAMPLES}
    folder = folder or Path("runs/masks")
    folder.mkdir(parents=True, exist_ok=True)
    titles = {f"{name}: {100 * (1 - task.mask.mean()):.0f} %": task for name, task in shown.items()}
    plots.pictures(
        folder / "masks.png", {name: plots.paint_missing(task.image, task.mask) for name, task in titles.items()}
    )
    print(f"wrote {folder / 'masks.png'}")


def _changed(settings: Settings, name: str) -> Settings:
    """Return the settings with the mask mode and options of one of the examples."""
    # A path is refused unless the mode is file, so that of the config is removed.
    mask: MaskSettings = dataclasses.replace(settings.mask, mode=name.partition(",")[0], path="", **EXAMPLES[name])
    return dataclasses.replace(settings, mask=mask)


if __name__ == "__main__":
    flags.set_default(cli.CONFIG, str(Path(__file__).parent.parent / "configs" / "base.py"))
    cli.run(main)
