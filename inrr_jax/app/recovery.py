"""One recovery of a painted picture, in a thread of its own that can be watched and cancelled."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from jaxtyping import Float

from inrr_jax.errors import DivergedError, UserError
from inrr_jax.operators.masking import masked, paste
from inrr_jax.problem import Problem
from inrr_jax.recipes import inpaint, pipeline
from inrr_jax.recipes.fills import FILLS
from inrr_jax.settings import Settings
from inrr_jax.training import fit
from inrr_jax.types import Image, Mask

RECIPE = "recipe"
"""The method that is no fill: the recipe of `inrr_jax.inpaint`."""
NETWORK = "network"
"""The same, blended with a network."""
METHODS = (RECIPE, NETWORK, "wnll", "harmonic")
"""What the page offers (docs/quality.md)."""


class Cancelled(Exception):
    """The user has cancelled the recovery."""


@dataclass
class Watch:
    """What is known of a recovery while it runs. One thread writes, others read; `check` stops the writer."""

    line: str = "starting"
    """What it is doing."""
    step: int = 0
    steps: int = 0
    """Of the current fit, or missing pixels of a picture in tiles; 0 steps: neither has begun."""
    preview: Image | None = None
    """The newest recovery of a fit that is not at its end."""
    previews: int = 0
    """Number of previews so far."""
    scores: dict[str, float] | None = None
    """PSNR on the missing pixels by method, in dB; None if the truth is unknown."""
    cancelled: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Raise `Cancelled` if that has been asked for."""
        if self.cancelled.is_set():
            raise Cancelled

    def say(self, line: str) -> None:
        """Set the line, and end a fit that was shown."""
        self.check()
        self.line, self.step, self.steps = line, 0, 0

    def count(self, done: int, total: int) -> None:
        """Set the number of recovered and of all missing pixels of a picture that is recovered in tiles."""
        self.check()
        self.line, self.step, self.steps = f"{done:,} of {total:,} missing pixels", done, total

    def show(self, step: int, steps: int, preview: Image) -> None:
        """Set the progress of a fit."""
        self.check()
        self.line, self.step, self.steps, self.preview = f"fit: step {step} of {steps}", step, steps, preview
        self.previews += 1


def recover(image: Image, observed: Mask, method: str, settings: Settings, watch: Watch) -> Image:
    """Return a picture with its missing pixels recovered and its observed ones unchanged, as `inrr_jax.inpaint` does.

    Args:
        image: float32 in [0, 1]; the values of missing pixels are not used.
        observed: True where observed.
        method: one of `METHODS`.
        settings: of the recipe.
        watch: receives the progress.

    Raises:
        Cancelled: `watch` was cancelled, at the next stage or chunk of steps.
        UserError: the picture is too small for the settings.
        DivergedError: a loss term was no number.
    """
    problem = masked(image, observed, truth=False)
    if method == RECIPE:
        chosen, watched = inpaint.unless_default(settings), partial(_fit, watch)
        values = inpaint.recover(problem, chosen, fit_one=watched, log=watch.say, progress=watch.count)
    elif method == NETWORK:
        values = pipeline.solve(problem, settings, fit_one=partial(_fit, watch), log=watch.say)
    else:
        watch.say(f"fill: {method}")
        values = FILLS[method].fill(np.asarray(problem.measurements), observed)
    watch.check()
    return paste(np.asarray(values), image, observed)


def _fit(watch: Watch, problem: Problem, settings: Settings) -> Float[np.ndarray, "H W C"]:
    """Fit as `fit.solve` does, and show the recovery after every chunk of steps."""
    watch.say("fit: compiling")
    state, hyper, key = fit.init(problem, settings)
    values, known, mask = np.zeros(()), np.asarray(problem.measurements), np.asarray(problem.operator.mask)
    for fitted, _ in fit.fit(state, problem, hyper, key, settings):
        values = np.asarray(fit.recover(fitted.params, hyper, problem.domain, settings))
        watch.show(int(fitted.step), settings.train.steps, paste(values, known, mask))
    return values


class Recovery:
    """A function of a watch that runs in a thread and returns a picture."""

    def __init__(self, work: Callable[[Watch], Image]):
        """Start it."""
        self.watch, self.error = Watch(), ""
        self.result: Image | None = None
        self._work, self._start = work, time.monotonic()
        self._end: float | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def state(self) -> str:
        """running, done, cancelled or failed."""
        if self._thread.is_alive():
            return "running"
        return "done" if self.result is not None else "failed" if self.error else "cancelled"

    @property
    def seconds(self) -> float:
        """Seconds since its start, or that it took."""
        return (self._end or time.monotonic()) - self._start

    def cancel(self) -> None:
        """Ask it to stop at the next stage or chunk of steps."""
        self.watch.cancelled.set()

    def wait(self, seconds: int) -> None:
        """Wait for its end, at most so long."""
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            self.result = self._work(self.watch)
        except Cancelled:
            pass
        except (UserError, DivergedError) as error:
            self.error = str(error)
        except Exception as error:  # shown on the page, where a traceback in the terminal would not be seen
            self.error = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise
        finally:
            self._end = time.monotonic()
