"""Measure the paper's properties, and leave of each a figure, a table and what holds of it.

python -m scripts.figures NAME ... | all [--workdir=FOLDER] [--docs=FOLDER] [--config.NAME=VALUE ...]
"""

import dataclasses
import json
import shutil
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from absl import flags
from ml_collections import ConfigDict

from inrr_jax.errors import UserError, unknown
from inrr_jax.experiments.paper import MEASURES, FiguresSettings, Property
from inrr_jax.io.writers import write_json
from inrr_jax.settings import from_mapping
from scripts import cli

DOCS = flags.DEFINE_string("docs", None, "Also copy the figures to this folder's figures/, and write properties.md.")


def main(config: ConfigDict, folder: Path | None, names: list[str]) -> None:
    """Measure the named properties, or all; those that the folder holds already, with these settings, are kept."""
    settings = from_mapping(config.to_dict(), FiguresSettings)
    folder = folder or Path("runs/figures")
    folder.mkdir(parents=True, exist_ok=True)
    for name in _chosen(names):
        if _recorded(folder / f"{name}.json") != _plain(settings):
            _leave(folder, name, settings)
        print((folder / f"{name}.md").read_text(encoding="utf-8"), flush=True)
    print(f"left in {folder}: a .png, a .md and a .json of each")
    if DOCS.value:
        _document(folder, Path(DOCS.value))


def _chosen(names: list[str]) -> list[str]:
    if not names:
        raise UserError(f"give the properties to measure: all, or some of {', '.join(MEASURES)}")
    for name in names:
        if name not in (*MEASURES, "all"):
            raise UserError(unknown(f"property {name}", name, [*MEASURES, "all"]))
    return list(MEASURES) if "all" in names else names


def _recorded(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))["settings"] if path.exists() else None


def _leave(folder: Path, name: str, settings: FiguresSettings) -> None:
    """Measure one property; its record is written last, so that one cut short is measured again."""
    from inrr_jax.plots import paper as plots  # matplotlib takes its time to load

    print(f"{name}: measuring", flush=True)
    start = time.process_time()  # of all cores, which does not depend on who else is at work
    found = MEASURES[name](settings)
    seconds = time.process_time() - start
    plots.DRAW[name](folder / f"{name}.png", found.data)
    (folder / f"{name}.md").write_text(_markdown(name, found, settings, seconds), encoding="utf-8")
    record = {"settings": _plain(settings), "cpu_seconds": seconds, "table": found.table, "claims": found.claims}
    write_json(folder / f"{name}.json", record | {"data": _plain(_without_pictures(found.data))})


def _without_pictures(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in ("image", "mask", "recovered", "shown")}


def _plain(content: Any) -> Any:
    """Turn dataclasses, tuples and arrays into what JSON holds."""
    if isinstance(content, FiguresSettings):
        return _plain(dataclasses.asdict(content))
    if hasattr(content, "_asdict"):
        return _plain(content._asdict())
    if isinstance(content, dict):
        return {str(key): _plain(value) for key, value in content.items()}
    if isinstance(content, tuple | list):
        return [_plain(value) for value in content]
    if isinstance(content, jax.Array | np.ndarray | np.generic):
        return np.asarray(content).tolist()
    return content


def _markdown(name: str, found: Property, settings: FiguresSettings, seconds: float) -> str:
    fit = settings.fit
    columns = list(found.table[0])
    lines = [
        f"## {name}",
        "",
        f"![{name}](figures/{name}.png)",
        "",
        found.caption,
        "",
        f"`python -m scripts.figures {name}`: {fit.data.image}, {fit.data.size} pixels unless stated,"
        f" {fit.train.steps} steps, {settings.seeds} seeds (mean ± standard deviation), {seconds:.0f} s of CPU time"
        f" ({jax.default_backend()}).",
        "",
        "| " + " | ".join(columns) + " |",
        "|" + "---|" * len(columns),
        *("| " + " | ".join(row[column] for column in columns) + " |" for row in found.table),
        "",
        *(f"- {'Holds' if holds else 'Does NOT hold'}: {claim}." for claim, holds in found.claims.items()),
    ]
    return "\n".join(lines) + "\n"


def _document(folder: Path, docs: Path) -> None:
    (docs / "figures").mkdir(parents=True, exist_ok=True)
    names = [name for name in MEASURES if (folder / f"{name}.json").exists()]
    for name in names:
        shutil.copyfile(folder / f"{name}.png", docs / "figures" / f"{name}.png")
    parts = [(folder / f"{name}.md").read_text(encoding="utf-8") for name in names]
    text = "\n".join([HEAD, *(_held(folder, name) for name in names), "", *parts])
    (docs / "properties.md").write_text(text, encoding="utf-8")
    print(f"written: {docs / 'properties.md'}")


def _held(folder: Path, name: str) -> str:
    claims = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["claims"]
    return f"| [{name}](#{name}) | {sum(claims.values())} of {len(claims)} |"


HEAD = """\
# The paper's properties, measured

Each section: a figure, its command, a table, and what holds of the claim in these numbers and what does not. All of
it is written by `python -m scripts.figures all --docs=docs`; the settings are in `configs/figures.py`.
Figure 3 is a sweep, in docs/sweeps.md. PSNR is that of the raw output. A claim about every seed is no test of
significance: the seeds are few.

| property | claims that hold |
|---|---|"""


if __name__ == "__main__":
    flags.set_default(cli.CONFIG, str(Path(__file__).parent.parent / "configs" / "figures.py"))
    cli.run(main, names=True)
