"""The command `inrr-jax`: runs the script that its first argument names.

`inrr-jax train --config=baboon` does what `python -m scripts.train --config=baboon` does in a checkout.
"""

import runpy
import sys

import inrr_jax
from inrr_jax.errors import unknown

COMMANDS = {
    "train": "fit one signal, and write its recovery, scores and figures to a folder",
    "inpaint": "recover the missing pixels of a picture: inrr-jax inpaint photo.png mask.png -o out.png",
    "app": "paint over the damage of a picture in the browser: inrr-jax app photo.png",
    "sweep": "many fits: every combination of the settings that a config varies",
    "compare": "methods on the same signals under the same masks",
    "figures": "the paper's properties",
    "ntk": "the smoothness theorem in numbers",
    "masks": "a picture under every kind of mask",
}


def main() -> None:
    """Run the command that the first argument names, with the other arguments."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("--help", "-h", "help"):
        print(_usage())
    elif name == "--version":
        print(f"inrr-jax {inrr_jax.__version__}")
    elif name in COMMANDS:
        sys.argv[:2] = [f"inrr-jax {name}"]
        runpy.run_module(f"{__package__}.{name}", run_name="__main__", alter_sys=True)
    else:
        sys.exit(f"error: {unknown(f'command {name}', name, COMMANDS)}")


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "usage: inrr-jax COMMAND [--config=NAME or FILE[:VARIANT]] [--config.SETTING=VALUE ...] [--workdir=FOLDER]",
            "",
            *lines,
            "",
            "inrr-jax COMMAND --help lists a command's flags.",
        ]
    )
