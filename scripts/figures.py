"""Measure the paper's properties, and write for each a figure, a table and the claims that hold.

inrr-jax figures NAME ... | all [--workdir=FOLDER] [--docs=FOLDER] [--config.NAME=VALUE ...]
"""

import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from absl import flags
from ml_collections import ConfigDict

from inrr_jax.errors import UserError, unknown
from inrr_jax.experiments import runner
from inrr_jax.experiments.paper import MEASURES, FiguresSettings, Property, Runs
from inrr_jax.experiments.tables import markdown
from inrr_jax.io import workdir
from inrr_jax.io.arrays import Arrays
from inrr_jax.io.results import Results
from inrr_jax.io.writers import write_json
from inrr_jax.options import to_mapping
from inrr_jax.types import Row

from . import cli
from .progress import FitsProgress

DOCS = flags.DEFINE_string("docs", None, "Also copy the figures to this folder's figures/, and write properties.md.")
KEYS = ("property",)


class Job(NamedTuple):
    """The job of measuring one property."""

    name: str
    settings: FiguresSettings

    @property
    def key(self) -> Row:
        """Its key column."""
        return {"property": self.name}

    @property
    def digest(self) -> str:
        """A hash of the settings."""
        return hashlib.sha256(json.dumps(to_mapping(self.settings), sort_keys=True).encode()).hexdigest()[:16]


def main(config: ConfigDict, folder: Path | None, names: list[str]) -> None:
    """Measure the properties that the folder does not hold yet, and print all that were asked for."""
    settings = cli.settings(config, FiguresSettings)
    jobs = [Job(name, settings) for name in _chosen(names)]
    folder = folder or cli.default_workdir()
    contents = hashlib.sha256(settings.fit.data.read().tobytes())
    workdir.claim(folder, to_mapping(settings), contents.hexdigest()[:16])
    results = Results(folder, KEYS)
    done = runner.finished(jobs, results)
    for i, job in enumerate(jobs):
        if i not in done:
            _measure(job, folder, results)
        print((folder / f"{job.name}.md").read_text(encoding="utf-8"), flush=True)
    print(f"written to {folder}: a .png, a .md and a .json of each")
    if DOCS.value:
        _document(results, Path(DOCS.value))


def _chosen(names: list[str]) -> list[str]:
    if not names:
        raise UserError(f"give the properties to measure: all, or some of {', '.join(MEASURES)}")
    for name in names:
        if name not in (*MEASURES, "all"):
            raise UserError(unknown(f"property {name}", name, [*MEASURES, "all"]))
    return list(MEASURES) if "all" in names else names


def _measure(job: Job, folder: Path, results: Results) -> None:
    """Measure one property and write its files; its row comes last, so that an unfinished one is measured again.

    Its finished fits are kept in the folder `fits`, where properties that need the same fit find it too.
    """
    from inrr_jax.plots import paper  # matplotlib takes half a second to import

    print(f"{job.name}: measuring", flush=True)
    start = time.process_time()  # processor time of all cores, which does not depend on other processes
    (folder / "fits").mkdir(exist_ok=True)
    found = MEASURES[job.name](job.settings, Runs(Arrays(folder / "fits"), FitsProgress()))
    seconds = time.process_time() - start
    paper.DRAW[job.name](folder / f"{job.name}.png", found.data)
    (folder / f"{job.name}.md").write_text(_markdown(job, found, seconds), encoding="utf-8")
    write_json(folder / f"{job.name}.json", _plain(_without_pictures(found.data)))
    results.add([{**job.key, "cpu_seconds": seconds, "claims": found.claims, "digest": job.digest}])


def _without_pictures(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in ("image", "mask", "recovered", "shown")}


def _plain(content: Any) -> Any:
    """Turn named tuples and arrays into values that JSON can represent."""
    if hasattr(content, "_asdict"):
        return _plain(content._asdict())
    if isinstance(content, dict):
        return {str(key): _plain(value) for key, value in content.items()}
    if isinstance(content, tuple | list):
        return [_plain(value) for value in content]
    if isinstance(content, jax.Array | np.ndarray | np.generic):
        return np.asarray(content).tolist()
    return content


def _markdown(job: Job, found: Property, seconds: float) -> str:
    fit, seeds = job.settings.fit, job.settings.seeds
    columns = list(found.table[0])
    lines = [
        f"## {job.name}",
        "",
        f"![{job.name}](figures/{job.name}.png)",
        "",
        found.caption,
        "",
        f"`python -m scripts.figures {job.name}`: {fit.data.image}, {fit.data.size} pixels unless stated,"
        f" {fit.train.steps} steps, {seeds} seeds (mean ± standard deviation), {seconds:.0f} s of CPU time"
        f" ({jax.default_backend()}) without the fits that an earlier property has made.",
        "",
        markdown(columns, [[row[column] for column in columns] for row in found.table]),
        "",
        *(f"- {'Holds' if holds else 'Does NOT hold'}: {claim}." for claim, holds in found.claims.items()),
    ]
    return "\n".join(lines) + "\n"


def _document(results: Results, docs: Path) -> None:
    """Copy the figures, and write one page of all finished properties."""
    (docs / "figures").mkdir(parents=True, exist_ok=True)
    claims = {row["property"]: row["claims"] for row in results.rows}
    names = [name for name in MEASURES if name in claims]
    for name in names:
        shutil.copyfile(results.folder / f"{name}.png", docs / "figures" / f"{name}.png")
    held = [f"| [{name}](#{name}) | {sum(claims[name].values())} of {len(claims[name])} |" for name in names]
    parts = [(results.folder / f"{name}.md").read_text(encoding="utf-8") for name in names]
    (docs / "properties.md").write_text("\n".join([HEAD, *held, "", *parts]), encoding="utf-8")
    print(f"written: {docs / 'properties.md'}")


HEAD = """\
# The paper's properties, measured

Which properties that the paper [li2023inrr] claims are reproduced here? Each section has a figure, its command, a
table, and the claims that hold and do not hold in these numbers. `python -m scripts.figures all --docs=docs` writes
this page, with the settings of `configs/figures.py`; Figure 3 is a sweep, in [sweeps.md](sweeps.md). PSNR is that of
the raw output. A claim that holds "with every seed" is not a significance test: the seeds are few, and rounding, which
depends on the number of cores, moves these numbers by about 0.1 dB. With the paper's own recipe of training, more of
the claims hold: [paper_recipe.md](paper_recipe.md).

| property | claims that hold |
|---|---|"""


if __name__ == "__main__":
    cli.run(main, names=True, default="figures")
