"""Compares the recipes for measurements through an operator with other methods: noise, resolution, blur, X-rays, MRI.

    python -m benchmarks.inverse [--problems ct-15 ct-arc] [--methods recipe tv] [--size 128] [--seeds 3] [--corners]
        [--chest chest.png] [--report] [--docs=docs]

The recipe of a problem is its config, with settings that held-out measurements choose; the other methods are those of
`baselines/inverse/`, whose weights the same measurements choose. A seed draws the noise (of MRI also phase and lines)
and takes another picture. With --corners, fields and energies are combined (corners.py); with --chest, a slice is
recovered by the protocol of another paper (chest.py). Every job has a row as soon as it ends, and a command that was
stopped goes on where it was; with --report, the tables are those of the rows that are there. Seconds are those of all
cores, with the compilation for the seed 0. With --docs, the tables of docs/inverse.md and its figures are written anew.
About three hours on two free CPU cores, one of them for the deep image priors, which come last.
"""

import sys
from pathlib import Path

from benchmarks import measure
from benchmarks.inverse import chest, corners, report
from benchmarks.inverse.jobs import CASES, Study, listed


def main() -> None:
    """Run every job that has no row yet, and write tables and figures."""
    parser = measure.arguments("inverse", __doc__)
    parser.add_argument("--problems", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--methods", nargs="+", default=[], help="names of the table's methods; all by default")
    parser.add_argument("--size", type=int, default=128, help="pixels of the longest side")
    parser.add_argument("--seeds", type=int, default=3, help="of the noise, each with another picture")
    parser.add_argument("--corners", action="store_true", help="combine fields and energies, with the seed 0")
    parser.add_argument("--chest", type=Path, help="chest.png of github.com/voilalab/INR-benchmark")
    parser.add_argument("--report", action="store_true", help="run nothing: tables and figures of the finished rows")
    parser.add_argument("--docs", type=Path, help="folder of inverse.md, whose tables and figures are replaced")
    flags = parser.parse_args()
    study = Study(flags.workdir)
    table = listed(flags.problems, flags.size, flags.seeds, flags.methods)
    combined = corners.listed(flags.problems) if flags.corners else []
    slices = chest.listed(flags.chest) if flags.chest else []
    try:
        study.run([] if flags.report else [*table, *combined, *slices])
    except KeyboardInterrupt:
        sys.exit("stopped: the same command goes on with the job that was running")
    study.results.write_csv()
    groups = {"table": study.rows(table), "corners": study.rows(combined), "chest": study.rows(slices)}
    texts = report.tables(groups)
    measure.write(flags.workdir, "inverse", {"rows": groups}, "\n\n".join(texts.values()))
    folders = [flags.workdir, *([flags.docs / "figures"] if flags.docs else [])]
    for folder in folders:
        report.draw(folder, study, groups)
    if flags.docs:
        measure.write_page(flags.docs / "inverse.md", texts)


if __name__ == "__main__":
    main()
