"""Paint over the damage of a picture in the browser, and recover it.

inrr-jax app [photo.png] [--port=8765] [--megapixels=12] [--nobrowser] [--config=inpaint:smoke]

The page is on this machine alone and uses nothing from another host. Settings of the recipe are those of the config,
configs/inpaint.py by default. In a checkout, `python -m scripts.app` is the same.
"""

import contextlib
import webbrowser
from pathlib import Path

from absl import flags
from ml_collections import ConfigDict

from inrr_jax.app.server import Server
from inrr_jax.app.session import Session
from inrr_jax.app.uploads import Limits
from inrr_jax.errors import UserError
from inrr_jax.settings import Settings

from . import cli

LONGEST = 256
"""Pixels of the longest side at first; the page offers others."""
PORT = flags.DEFINE_integer(
    "port", 8765, "The port of the page; 0: any that is free.", lower_bound=0, upper_bound=65535
)
MEGAPIXELS = flags.DEFINE_float("megapixels", 12.0, "The largest picture that is recovered.", lower_bound=0.0)
BROWSER = flags.DEFINE_boolean("browser", True, "Whether to open the page in a browser.")


def main(config: ConfigDict, folder: Path | None, names: list[str]) -> None:
    """Serve the page until Ctrl-C."""
    if folder is not None:
        raise UserError(f"--workdir={folder} is not used here: save the recovery from the page")
    if len(names) > 1:
        raise UserError(f"{len(names)} pictures are given: give one, or choose it on the page")
    cli.check_picture(config)
    session = Session(cli.settings(config, Settings), Limits(megapixels=MEGAPIXELS.value), "".join(names))
    if names:
        session.open_given(LONGEST)
    server = Server(session, PORT.value)
    print(f"the page is {server.url}; Ctrl-C ends it", flush=True)
    if BROWSER.value:
        webbrowser.open(server.url)
    with contextlib.suppress(KeyboardInterrupt):  # nothing is lost that a message could name
        server.run()


if __name__ == "__main__":
    cli.run(main, names=True, default="inpaint")
