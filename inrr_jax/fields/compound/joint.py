"""Two fields on one domain: the signal in the first channels, unknowns of the instrument in the others."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp

from inrr_jax.errors import UserError
from inrr_jax.fields.base import Field, FieldConfig
from inrr_jax.options import choice, variant
from inrr_jax.problem import Domain


@dataclass(frozen=True)
class Joint(FieldConfig):
    """Options of a pair of fields, each with a group of its own: `image` and `maps`, as in parallel imaging.

    An image has detail that takes a large network, or a grid of values. Maps of coils are smooth, and a tiny network
    represents them well, where a grid needs a regulariser (IMJENSE: Feng et al., IEEE TMI 2024).
    """

    name: str = choice("joint")

    habits: ClassVar = {"optimizer.name": "adam", "train.fibers": 0}

    @property
    def parts(self) -> dict[str, FieldConfig]:
        """The options of both fields, by name."""
        return {"image": self.image, "maps": self.maps}  # type: ignore[attr-defined]

    @property
    def size(self) -> str:
        """The name and size of both fields."""
        return " + ".join(f"{part.name} {part.size}".strip() for part in self.parts.values())

    def hyper_parameters(self, domain: Domain, detail: float) -> dict[str, float]:
        """Return those of both fields, by names such as `maps.omega`; the maps have no detail to add to."""
        factors = {"image": detail, "maps": 1.0}
        return {
            f"{name}.{key}": value
            for name, part in self.parts.items()
            for key, value in part.hyper_parameters(domain, factors[name]).items()
        }

    def build(self, domain: Domain) -> Field:
        """Build the field: the channels of the image, `domain.signal` in number, and those of the maps after them.

        Raises:
            UserError: the domain has no other channels than the signal's, or a part does not suit the domain.
        """
        if not 0 < domain.signal < domain.channels:
            raise UserError(
                f"field.name=joint for {domain.channels} channels, all of them of the signal: give a field for it alone"
            )
        counts = {"image": domain.signal, "maps": domain.channels - domain.signal}
        fields = {
            name: part.build(dataclasses.replace(domain, channels=counts[name], signal=0))
            for name, part in self.parts.items()
        }

        def init(key, auxiliary):
            keys = dict(zip(fields, jax.random.split(key), strict=True))
            return {name: field.init(keys[name], auxiliary) for name, field in fields.items()}

        def of_part(hyper, name):
            prefix = f"{name}."
            return {key.removeprefix(prefix): value for key, value in hyper.items() if key.startswith(prefix)}

        def apply(params, points, hyper):
            values = [field.apply(params[name], points, of_part(hyper, name)) for name, field in fields.items()]
            return jnp.concatenate(values, axis=-1)

        def on_grid(params, hyper):
            values = []
            for name, field in fields.items():
                own = of_part(hyper, name)
                whole = field.on_grid(params[name], own) if field.on_grid else None
                whole = field.apply(params[name], domain.points, own) if whole is None else whole
                values.append(whole.reshape(*domain.shape, counts[name]))
            return jnp.concatenate(values, axis=-1)

        return Field(init, apply, on_grid)


def config(fields: Mapping[str, type[FieldConfig]]) -> type[FieldConfig]:
    """Return the options of a pair of any of these fields that need no auxiliary arrays."""
    parts = {name: part for name, part in fields.items() if not part.auxiliary}
    # Made from the registry, so that a new field can be a part of a pair at once.
    return dataclasses.make_dataclass(
        "Config",
        [("image", FieldConfig, variant(parts, "siren")), ("maps", FieldConfig, variant(parts, "siren"))],
        bases=(Joint,),
        frozen=True,
        namespace={"__doc__": Joint.__doc__, "__module__": __name__},
    )
