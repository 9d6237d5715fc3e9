"""The state of the page: one picture, its mask and its recovery. No HTTP here."""

import threading
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from inrr_jax import metrics
from inrr_jax.app import uploads
from inrr_jax.app.recovery import METHODS, Recovery, Watch, recover
from inrr_jax.app.uploads import Limits
from inrr_jax.data import images, masks
from inrr_jax.errors import UserError, unknown
from inrr_jax.recipes.fills import FILLS
from inrr_jax.settings import RECIPE, Settings
from inrr_jax.types import Image, Mask

DAMAGES = {"text": "text", "scratches": "scratches", "noise": "random"}
"""Damages for a trial, with their mask modes."""


@dataclass
class Session:
    """What one person does on the page. Methods may be called from several threads."""

    settings: Settings = RECIPE
    """Of the recipe."""
    limits: Limits = field(default_factory=Limits)
    given: str = ""
    """The path of a picture that the command line gives; empty for none."""
    image: Image | None = None
    observed: Mask | None = None
    recovery: Recovery | None = None
    _lock: Any = field(default_factory=threading.Lock)

    def open(self, content: bytes, name: str, longest: int) -> dict[str, Any]:
        """Take an uploaded picture, and return its size; arguments and errors are those of `uploads.read_picture`."""
        return self._take(uploads.read_picture(content, name, longest, self.limits))

    def open_given(self, longest: int) -> dict[str, Any]:
        """Take the picture of the command line.

        Raises:
            UserError: there is none, it cannot be read, or it is too large.
        """
        if not self.given:
            raise UserError("no picture is given: choose one")
        return self._take(uploads.fit_in(images.load(self.given), longest, self.limits))

    def open_bundled(self, name: str, longest: int) -> dict[str, Any]:
        """Take one of the pictures that come with the package.

        Raises:
            UserError: an unknown name, or the picture is too large.
        """
        if name not in images.BUNDLED:
            raise UserError(unknown(f"picture {name}", name, images.BUNDLED))
        return self._take(uploads.fit_in(images.load(name), longest, self.limits))

    def describe(self) -> dict[str, Any]:
        """Return the size of the picture, zeros if there is none, and what the page may choose from."""
        height, width, channels = (0, 0, 0) if self.image is None else self.image.shape
        size = {"height": height, "width": width, "channels": channels}
        return {**size, "given": bool(self.given), "megabytes": self.limits.megabytes}

    def damage(self, kind: str, rate: float, seed: int) -> bytes:
        """Return paint for a trial, as a PNG.

        Args:
            kind: one of `DAMAGES`.
            rate: share of the pixels that are missing, in (0, 1).
            seed: of the random damages.

        Raises:
            UserError: an argument is out of range, or there is no picture.
        """
        if kind not in DAMAGES:
            raise UserError(unknown(f"damage {kind}", kind, DAMAGES))
        shape = self._picture().shape[:2]
        return uploads.paint(np.asarray(masks.make(jax.random.key(seed), shape, DAMAGES[kind], rate)))

    def start(self, paint: bytes, method: str, *, whole: bool) -> None:
        """Recover the painted pixels, in a thread.

        Args:
            paint: a PNG whose opaque pixels are missing.
            method: one of `METHODS`.
            whole: whether the picture is undamaged under the paint, as in a trial.

        Raises:
            UserError: an argument is wrong, there is no picture, or a recovery is running.
        """
        image = self._picture()
        observed = uploads.read_mask(paint, image.shape[:2])
        if method not in METHODS:
            raise UserError(unknown(f"method {method}", method, METHODS))
        with self._lock:
            if self.recovery is not None and self.recovery.state == "running":
                raise UserError("a recovery is running: cancel it, or wait for its end")
            self.observed = observed
            self.recovery = Recovery(lambda watch: self._recover(image, observed, method, watch, whole))

    def progress(self) -> dict[str, Any]:
        """Return the state of the recovery: what it does, its steps and previews, and its scores at the end."""
        if self.recovery is None:
            return {"state": "none"}
        watch = self.recovery.watch
        return {
            "state": self.recovery.state,
            "line": watch.line,
            "step": watch.step,
            "steps": watch.steps,
            "previews": watch.previews,
            "seconds": round(self.recovery.seconds, 1),
            "error": self.recovery.error,
            "scores": watch.scores,
        }

    def cancel(self) -> None:
        """Ask the recovery to stop, if one runs."""
        if self.recovery is not None:
            self.recovery.cancel()

    def png(self, name: str) -> bytes:
        """Return the picture, its mask, the newest preview or the recovery as a PNG.

        Raises:
            UserError: there is none of this name.
        """
        found: dict[str, np.ndarray | None] = {"picture": self.image, "mask": self.observed}
        if self.recovery is not None:
            found.update(preview=self.recovery.watch.preview, recovered=self.recovery.result)
        values = found.get(name)
        if values is None:
            raise UserError(f"there is no {name} yet: choose a picture, paint over its damage and recover it")
        return uploads.png(values)

    def _recover(self, image: Image, observed: Mask, method: str, watch: Watch, whole: bool) -> Image:
        recovered = recover(image, observed, method, self.settings, watch)
        if whole:
            known = np.where(observed[..., None], image, np.float32(0))
            tried = {method: recovered, "harmonic": FILLS["harmonic"].fill(known, observed)}
            watch.scores = {name: float(metrics.psnr(values, image, ~observed)) for name, values in tried.items()}
        return recovered

    def _take(self, image: Image) -> dict[str, Any]:
        self.cancel()
        self.image, self.observed, self.recovery = image, None, None
        return self.describe()

    def _picture(self) -> Image:
        if self.image is None:
            raise UserError("there is no picture: choose one first")
        return self.image
