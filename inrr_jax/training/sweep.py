"""Many fits as few compiled programs, vectorised and distributed over all devices.

A member is one fit. Members with equal static keys and problems of equal shapes form a group, which shares one trace
and one compilation. The whole step is mapped, never the loss, so that a member equals the same fit alone and a member
that diverges disturbs no other. Nothing else in this package maps over fits.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np
import psutil
from absl import logging
from jaxtyping import Float

from inrr_jax import devices
from inrr_jax.errors import UserError
from inrr_jax.options import difference
from inrr_jax.problem import Problem
from inrr_jax.settings import Settings
from inrr_jax.training import batch
from inrr_jax.training.batch import Batch
from inrr_jax.training.fit import check_size
from inrr_jax.training.programs import StaticKey, auxiliary_names, static_key

_SHARE = 0.8
"""Share of the free memory that a batch may take, by the compiler's estimate."""
_GAIN = 0.95
"""A larger batch is preferred only if its cost per member is below this share of the smaller batch's."""

Log = Callable[[str], None]
Progress = Callable[[int], None]
"""Takes the number of steps that members have taken since the last call."""


class Member(NamedTuple):
    """One fit."""

    settings: Settings
    problem: Problem


class Outcome(NamedTuple):
    """The result of one member."""

    recovered: Float[np.ndarray, "*grid C"]
    """The field's values on the grid, finished by the recipe."""
    seconds: float
    """Its batch's seconds divided by the batch's members, without compilation, plus the recipe's."""
    error: str
    """Why the fit diverged; empty if it did not."""
    at_once: int
    """Members that shared its device."""


@runtime_checkable  # the tests check the types of arguments when a function is called
class Recipe(Protocol):
    """What is done to every member before and after its fit."""

    def prepare(self, members: Sequence[Member], at_once: int) -> list[tuple[Member, float]]:
        """Return the members with the auxiliary arrays that they need, and the seconds that each took."""

    def finish(self, member: Member, recovered: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the final recovery of a prepared member from its field's values, and the seconds that it took."""


class Plain:
    """The recipe that does nothing."""

    def prepare(self, members: Sequence[Member], at_once: int) -> list[tuple[Member, float]]:
        """Return the members as they are."""
        return [(member, 0.0) for member in members]

    def finish(self, member: Member, recovered: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the field's values as they are."""
        return recovered, 0.0


class Group(NamedTuple):
    """Members that share a compiled program."""

    static: StaticKey
    shapes: tuple[Any, ...]
    """Structure and shapes of every member's problem."""
    members: list[int]


def groups(members: Sequence[Member]) -> list[Group]:
    """Group members by static key and shapes of the problem; groups and members keep the order of first appearance."""
    found: dict[Any, list[int]] = {}
    for index, member in enumerate(members):
        # Auxiliary arrays follow from the settings, and no program is given the truth: neither separates groups.
        leaves, structure = jax.tree.flatten(member.problem._replace(auxiliary={}, truth=None))
        shapes = (structure, *(leaf.shape for leaf in leaves))
        found.setdefault((static_key(member.settings), shapes), []).append(index)
    return [Group(static, shapes, indices) for (static, shapes), indices in found.items()]


def explain(parts: Sequence[Group]) -> str:
    """Return a line that says how many programs there are and in which settings they differ."""
    fits = sum(len(group.members) for group in parts)
    if len(parts) == 1:
        return f"{fits} fits, one program"
    first, *others = parts
    names = {name for g in others for name in difference(first.static.to_mapping(), g.static.to_mapping())}
    if any(group.shapes != first.shapes for group in others):
        names.add("the size of the picture")
    return f"{fits} fits, {len(parts)} programs, which differ in {', '.join(sorted(names))}"


def run(
    members: Sequence[Member],
    *,
    at_once: int = 0,
    done: Mapping[int, int] | None = None,
    recipe: Recipe | None = None,
    log: Log = logging.info,
    on_progress: Progress = lambda steps: None,
) -> Iterator[tuple[int, Outcome]]:
    """Fit all members, and yield each one's index and outcome as soon as its batch ends.

    In a computation over several hosts, every process calls this with the same arguments and gets all outcomes.

    Args:
        members: the fits.
        at_once: members that share a device, vectorised; 1: one after another. 0: the fastest of the numbers that fit
            into the memory, found by a short measurement on the first members of each group.
        done: members finished earlier: index -> their `at_once`. The other members of the group then use the same,
            because batches of different sizes may round differently.
        recipe: prepares and finishes every member; None for the plain fit.
        log: takes lines that explain these decisions.
        on_progress: takes the steps that members have taken since the last call.

    Raises:
        UserError: not even one member fits into the memory, a problem is too small for its settings, or it has a
            start model.
    """
    # All problems are checked before anything is compiled or computed.
    for member in members:
        check_size(member.problem.domain, member.settings)
        if "start" in member.problem.auxiliary:
            raise UserError("a sweep draws all first parameters at random: fit a problem with a start model by itself")
    parts, done, recipe = groups(members), done or {}, recipe or Plain()
    log(explain(parts))
    for group in parts:
        remaining = [index for index in group.members if index not in done]
        if remaining:
            before = [done[index] for index in group.members if index in done]
            # Not more than the group has, because a program for more would be compiled, and refused, in vain.
            wanted = before[-1] if before else min(at_once, -(-len(group.members) // jax.device_count()))
            yield from _run(members, remaining, wanted, recipe, log, on_progress)


def _run(members, remaining, at_once, recipe, log, on_progress) -> Iterator[tuple[int, Outcome]]:
    compiled = _choose([members[index] for index in remaining], at_once, log)
    while remaining:
        indices = remaining[: compiled.size]
        # Prepared batch by batch, so that the first outcomes do not wait for the preparation of all members.
        prepared = recipe.prepare([members[index] for index in indices], compiled.at_once)
        try:
            fitted = batch.fit(compiled, [member for member, _ in prepared], on_progress)
        except jax.errors.JaxRuntimeError as error:
            compiled = _halve(compiled, members[remaining[0]], error, log)
            continue
        for index, (member, seconds), one in zip(indices, prepared, fitted, strict=True):
            yield index, _finish(recipe, member, one, seconds, compiled.at_once)
        remaining = remaining[len(indices) :]


def _finish(recipe: Recipe, member: Member, one: batch.Fitted, seconds: float, at_once: int) -> Outcome:
    """Finish one member's recovery; one that has diverged stays as it is."""
    recovered, more = one.recovered, 0.0
    if not one.error and np.isfinite(recovered).all():
        recovered, more = recipe.finish(member, recovered)
    return Outcome(recovered, one.seconds + seconds + more, one.error, at_once)


def _choose(members: Sequence[Member], at_once: int, log: Log) -> Batch:
    """Compile for `at_once` members on a device, or, if it is 0, for the fastest number by measurement."""
    most = -(-len(members) // jax.device_count())
    if members[0].settings.field.sharded:
        log("one after another, each distributed over all devices (field.sharded)")
        return _fitting(members, 1, log)
    if at_once:
        return _fitting(members, at_once, log)
    sizes = candidates(most)
    best, best_cost = _fitting(members, 1, log), np.inf
    for size in sizes if len(sizes) > 1 else []:
        tried = best if size == 1 else _fitting(members, size, log)
        if size > 1 and tried.at_once <= best.at_once:
            break  # the memory is full
        try:
            cost = batch.probe(tried, [with_placeholders(member) for member in members[: tried.size]])
        except jax.errors.JaxRuntimeError as error:
            _raise_unless_memory(error)
            break
        log(f"measured: {tried.at_once} at once on each of {jax.device_count()} devices, {1e3 * cost:.2f} ms a step")
        if _agreed(int(cost > _GAIN * best_cost)):
            break
        best, best_cost = tried, cost
    log(f"chosen: {best.at_once} at once on each of {jax.device_count()} devices")
    return best


def candidates(most: int) -> list[int]:
    """Return numbers of members per device to try, up to `most`: powers of 4, adjusted so that batches are full."""
    powers = [4**k for k in range(most.bit_length()) if 4**k <= most]
    return sorted({-(-most // -(-most // power)) for power in powers})


def with_placeholders(member: Member) -> Member:
    """Return a member with zeros for the auxiliary arrays that it lacks, to compile its program or to time it."""
    shape = (*member.problem.domain.shape, member.problem.domain.channels)
    missing = {name for name in auxiliary_names(member.settings) if name not in member.problem.auxiliary}
    zeros = dict.fromkeys(sorted(missing), np.zeros(shape, np.float32))
    return member._replace(problem=member.problem.with_auxiliary(**zeros))


def _fitting(members: Sequence[Member], wanted: int, log: Log) -> Batch:
    """Compile for the wanted number at once, or for as many as the memory holds by the compiler's estimate."""
    while True:
        compiled, seconds = batch.compile_batch(*with_placeholders(members[0]), wanted)
        needed, free = compiled.bytes, int(_SHARE * free_memory())
        log(
            f"compiled for {wanted} at once in {seconds:.1f} s: {needed / 2**20:.1f} MiB a device, of"
            f" {free / 2**20:.0f} that may be taken"
        )
        fits = _agreed(wanted if needed <= free else min(wanted - 1, wanted * free // needed))
        if fits == wanted or wanted == 1:
            return compiled
        wanted = max(1, fits)


def _halve(compiled: Batch, like: Member, error: Exception, log: Log) -> Batch:
    _raise_unless_memory(error)
    if compiled.at_once == 1:
        raise UserError("the memory does not hold one fit: lower field.tile, field.width or train.fibers") from None
    log(f"the memory is exhausted at {compiled.at_once} at once: going on with half as many")
    return batch.compile_batch(*with_placeholders(like), compiled.at_once // 2)[0]


def _raise_unless_memory(error: Exception) -> None:
    """Raise the error again unless it says that memory is exhausted; other hosts would not know of it."""
    if "RESOURCE_EXHAUSTED" not in str(error) or jax.process_count() > 1:
        raise error


def free_memory() -> int:
    """Return the bytes that this process may still take on one of its devices."""
    stats = jax.local_devices()[0].memory_stats()
    if stats and "bytes_limit" in stats:
        return stats["bytes_limit"] - stats["bytes_in_use"]
    return psutil.virtual_memory().available // jax.local_device_count()  # the devices of a CPU share it


def _agreed(value: int) -> int:
    return int(devices.agreed(np.asarray(value, np.int32)))
