"""Draw a picture under every mask mode, with the mask settings of a config.

inrr-jax masks [--config=FILE] [--config.mask.rate=0.3 ...] [--workdir=FOLDER]

Writes masks.png, by default to runs/masks.
"""

import dataclasses
import inspect
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from inrr_jax.data import loading, masks
from inrr_jax.data.masks.density import PROFILES
from inrr_jax.data.settings import MaskSettings
from inrr_jax.experiments.tables import markdown
from inrr_jax.io.writers import write_atomically
from inrr_jax.settings import Settings

from . import cli

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

    cli.check_picture(config)
    settings = cli.settings(config, Settings)
    problems = {name: loading.load(settings.data, _changed(settings.mask, name)) for name in EXAMPLES}
    folder = folder or Path("runs/masks")
    folder.mkdir(parents=True, exist_ok=True)
    shown = {}
    for name, problem in problems.items():
        mask = problem.operator.mask
        title = f"{name}: {100 * (1 - mask.mean()):.0f} %"
        shown[title] = plots.paint_missing(problem.measurements, mask)
    plots.pictures(folder / "masks.png", shown)
    table = markdown(["mask.mode", "mask"], [[f"`{mode}`", _description(mode)] for mode in masks.MODES])
    write_atomically(folder / "masks.md", table + "\n")
    print(f"{table}\n\nwritten to {folder}: masks.png, masks.md")


def _description(mode: str) -> str:
    """Return the first line of a mode's docstring."""
    return (inspect.getdoc(masks.MODES[mode]) or "").partition("\n")[0]


def _changed(settings: MaskSettings, name: str) -> MaskSettings:
    """Return the settings with the mask mode and options of one of the examples."""
    # A path is refused unless the mode is file, so that of the config is removed.
    changes: dict[str, Any] = {"mode": name.partition(",")[0], "path": "", **EXAMPLES[name]}
    return dataclasses.replace(settings, **changes)


if __name__ == "__main__":
    cli.run(main, default="base")
