"""A fitted field as an object: it is called at positions, evaluated on grids, differentiated, saved and loaded."""

import dataclasses
import json
import zipfile
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

from inrr_jax import grids
from inrr_jax.data.units import Units
from inrr_jax.errors import UserError
from inrr_jax.numerics import resolve_precision
from inrr_jax.options import change, from_mapping, names, to_mapping
from inrr_jax.problem import Domain, Problem
from inrr_jax.settings import Settings
from inrr_jax.training import fit, portable
from inrr_jax.training.programs import collect_hyper_parameters
from inrr_jax.types import Params

VERSION = 2
"""Of the files that `FittedField.save` writes."""
BLOCK = 1 << 13
"""Positions that are evaluated at once, so that their activations fit into the cache: all blocks but the last share one
compiled program."""


class Frame(NamedTuple):
    """The caller's coordinates of a grid: node i of axis a lies at origin_a + i step_a."""

    origin: tuple[float, ...]
    step: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class FittedField:
    """A signal f: position -> value. Positions are in the caller's coordinates, values in the caller's units.

    On a grid without other coordinates a position is the index of a node along each axis, as a real number.
    """

    params: Params
    """The parameter group `field`."""
    domain: Domain
    settings: Settings
    frame: Frame
    units: Units | None = None
    """None if the field's values are the caller's already."""

    def __repr__(self) -> str:
        """Return the kind of field, its grid and the number of its parameters, instead of their values."""
        count = sum(leaf.size for leaf in jax.tree.leaves(self.params))
        grid = " x ".join(map(str, self.domain.shape))
        name = self.settings.field.name
        return f"FittedField({name}, grid {grid}, channels={self.domain.channels}, parameters={count})"

    @classmethod
    def of(cls, params: Params, problem: Problem, settings: Settings, frame: Frame | None = None) -> "FittedField":
        """Return the field of a fit.

        Args:
            params: all parameter groups of the fit.
            problem: that was fitted.
            settings: of the fit. The precision `auto` becomes that of this machine, which the field then keeps.
            frame: the caller's coordinates; None for indices of nodes, times the domain's spacing if it has one.
        """
        dimensions = len(problem.domain.shape)
        frame = frame or Frame((0.0,) * dimensions, problem.domain.spacing or (1.0,) * dimensions)
        field = jax.tree.map(np.asarray, params["field"])  # a copy, because training states are donated
        automatic = [name for name in names(settings) if name.endswith("precision")]
        settings = change(settings, {n: resolve_precision(attrgetter(n)(settings)) for n in automatic})
        return cls(field, problem.domain, settings, frame, problem.units)

    def __call__(self, points: ArrayLike) -> Float[np.ndarray, "*points C"]:
        """Return the values at positions.

        Args:
            points: [..., D]; those outside the grid are extrapolated.

        Raises:
            UserError: the last axis of the points does not have one entry per axis of the grid.
        """
        values = self._blockwise(portable.values, points)
        return values if self.units is None else self.units.to_own(values, np.float32)

    def on_grid(self, shape: tuple[int, ...] | None = None) -> Float[np.ndarray, "*grid C"]:
        """Return the values on a regular grid of any resolution from the first to the last node of every axis.

        Args:
            shape: nodes along each axis; None for those of the fit.

        Raises:
            UserError: the shape does not have one positive number per axis.
        """
        own = self.domain.shape
        if shape is None:
            values = np.asarray(fit.recover({"field": self.params}, self._hyper, self.domain, self.settings))
            return values if self.units is None else self.units.to_own(values, np.float32)
        if len(shape) != len(own) or min(shape) < 1:
            raise UserError(f"a grid of shape {shape}: give one positive number for each of the {len(own)} axes")
        axes = [np.linspace(o, o + s * (n - 1), m) for o, s, n, m in zip(*self.frame, own, shape, strict=True)]
        return self(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1))

    def gradient(self, points: ArrayLike) -> Float[np.ndarray, "*points C D"]:
        """Return the derivatives of every channel along every axis, in the caller's units per coordinate.

        Raises:
            UserError: as a call.
        """
        slopes = self._blockwise(portable.gradient, points)
        return slopes if self.units is None else slopes * self.units.scale.astype(np.float32)[:, None]

    def laplacian(self, points: ArrayLike) -> Float[np.ndarray, "*points C"]:
        """Return the sum of the second derivatives along all axes, in the caller's units per squared coordinate.

        Raises:
            UserError: as a call.
        """
        values = self._blockwise(portable.laplacian, points)
        return values if self.units is None else values * self.units.scale.astype(np.float32)

    def save(self, path: str | Path) -> None:
        """Write the field to a file; the suffix .npz is usual.

        It holds NumPy arrays, JSON, and the programs of `jax.export` with which the field is evaluated elsewhere,
        without this package (docs/fitted_field.md).

        Raises:
            OSError: the file cannot be written.
        """
        arrays = self._arrays
        programs = portable.programs(arrays, self.domain, portable.program_key(self.settings))
        contents = arrays | {f"program/{name}": np.frombuffer(code, np.uint8) for name, code in programs.items()}
        about = {
            "version": VERSION,
            "contents": {name: list(np.shape(array)) for name, array in contents.items()},
            "centre": self._centre.tolist(),
            "block": BLOCK,
            "domain": dataclasses.asdict(self.domain),
            "settings": to_mapping(self.settings),
            "frame": self.frame._asdict(),
            "units": self.units and {name: value.tolist() for name, value in self.units._asdict().items()},
        }
        with Path(path).open("wb") as file:  # np.savez would append a suffix to a path without one
            np.savez(file, about=np.asarray(json.dumps(about)), **contents)  # type: ignore[arg-type]

    @property
    def _hyper(self):
        return collect_hyper_parameters(self.settings, self.domain)

    @property
    def _centre(self) -> Float[np.ndarray, "D"]:
        """The centre of the grid in the caller's coordinates."""
        return np.asarray(self.frame.origin) + np.asarray(self.frame.step) * (np.asarray(self.domain.shape) - 1) / 2

    @property
    def _arrays(self) -> dict[str, np.ndarray]:
        scale = np.asarray(grids.steps(self.domain.shape, self.domain.spacing)) / np.asarray(self.frame.step)
        return portable.flatten(self.params, self._hyper.field, scale.astype(np.float32))

    def _blockwise(self, function, points: ArrayLike) -> Float[np.ndarray, "..."]:
        """Evaluate a function of the signal at the caller's positions, block by block."""
        given = np.asarray(points, np.float64)
        shape = self.domain.shape
        if given.ndim == 0 or given.shape[-1] != len(shape):
            raise UserError(f"points of shape {given.shape}: give [..., {len(shape)}], one coordinate for each axis")
        # Centred in float64, so that large coordinates such as metres on a map keep their digits in float32.
        flat = (given.reshape(-1, len(shape)) - self._centre).astype(np.float32)
        static, arrays = portable.program_key(self.settings), jax.device_put(self._arrays)
        # One block at least, also of no positions: its result has the shape of a single value.
        blocks = [flat[start : start + BLOCK] for start in range(0, max(len(flat), 1), BLOCK)]
        found = [np.asarray(function(arrays, block, domain=self.domain, static=static)) for block in blocks]
        values = np.concatenate(found)
        return values.reshape(*given.shape[:-1], *values.shape[1:])


def load(path: str | Path) -> FittedField:
    """Return a field that `FittedField.save` has written.

    The field is evaluated by the code of this package; the programs in the file are for processes without it.

    Raises:
        UserError: the file is not there, is damaged, or was written by another version.
    """
    try:
        with np.load(path, allow_pickle=False) as content:
            about = json.loads(str(content["about"]))
            if about["version"] != VERSION:
                hint = "update inrr_jax" if about["version"] > VERSION else "fit again, or save with that version"
                raise UserError(
                    f"{path} has version {about['version']}: this version of inrr_jax reads {VERSION}; {hint}"
                )
            arrays = {name: content[name] for name in content.files if name != "about"}
        if {name: list(array.shape) for name, array in arrays.items()} != about["contents"]:
            raise ValueError("arrays are missing or have another shape")
        params = portable.parameters(arrays)
        domain = Domain(**{k: tuple(v) if isinstance(v, list) else v for k, v in about["domain"].items()})  # type: ignore[arg-type]
        units = about["units"] and Units(**{name: np.asarray(value, float) for name, value in about["units"].items()})
        frame = Frame(**{name: tuple(value) for name, value in about["frame"].items()})
        return FittedField(params, domain, from_mapping(about["settings"], Settings), frame, units)
    except UserError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path} cannot be read as a fitted field ({error}): give a file that save() has written"
        ) from None
