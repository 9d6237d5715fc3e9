"""Many fits as few programs: mapped over members, shared by devices, as many at once as pay and fit.

A member is one fit. Members whose programs are equal (`training.program`) and whose pictures have one size form a
group: one trace, one compilation. The whole step is mapped, never the loss, so that a member equals the same fit alone
and one that diverges disturbs no other. Nothing else in this package maps over fits.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import psutil
from absl import logging
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Float

from inrr_jax import devices
from inrr_jax.data.problem import Problem
from inrr_jax.errors import DivergedError, UserError
from inrr_jax.settings import Settings, difference, to_mapping
from inrr_jax.training import fit as training
from inrr_jax.types import Info, Params, knobs

_SHARE = 0.8
"""Of the free memory, that a batch may be estimated to take."""
_GAIN = 0.95
"""What a larger batch must at most cost per member, relative to a smaller one, to be preferred."""


class Member(NamedTuple):
    """One fit."""

    settings: Settings
    problem: Problem


class Outcome(NamedTuple):
    """What became of one member."""

    recovered: Float[np.ndarray, "H W C"]
    """The output of its field, kriged if its settings say so."""
    seconds: float
    """Of its batch, divided by the members in it; without compilation."""
    error: str
    """Why it diverged; empty if it did not."""
    at_once: int
    """Members that shared its device."""


class Group(NamedTuple):
    """Members that share a compiled program."""

    settings: Settings
    """As `training.program` returns them."""
    shape: tuple[int, ...]
    """Of every picture: height, width, channels."""
    members: list[int]


def groups(members: Sequence[Member]) -> list[Group]:
    """Sort members by their program and the size of their picture; both in the order of first appearance."""
    found: dict[Any, list[int]] = {}
    for index, member in enumerate(members):
        found.setdefault((training.program(member.settings), member.problem.image.shape), []).append(index)
    return [Group(settings, shape, indices) for (settings, shape), indices in found.items()]


def explain(parts: Sequence[Group]) -> str:
    """Say how many programs there are, and in what they differ."""
    fits = sum(len(group.members) for group in parts)
    if len(parts) == 1:
        return f"{fits} fits, one program"
    first, *others = parts
    names = {name for g in others for name in difference(to_mapping(first.settings), to_mapping(g.settings))}
    if any(group.shape != first.shape for group in others):
        names.add("the size of the picture")
    return f"{fits} fits, {len(parts)} programs, which differ in {', '.join(sorted(names))}"


def run(
    members: Sequence[Member],
    *,
    at_once: int = 0,
    done: Mapping[int, int] | None = None,
    tell: Callable[[str], None] = logging.info,
    watch: Callable[[int], None] = lambda steps: None,
) -> Iterator[tuple[int, Outcome]]:
    """Fit all members, and yield each one's index and outcome as soon as its batch ends.

    Every process of a computation over several hosts calls this alike, and gets all outcomes.

    Args:
        members: the fits.
        at_once: members that share a device, vectorised; 1: one after another. 0: what a short measurement on the first
            members of each group finds best, among those that fit into the memory.
        done: members finished earlier, by index, with their `at_once`, which the others of the group then have too: a
            batch of another size may round differently.
        tell: takes lines on what was decided and why.
        watch: takes the number of steps that members have taken since the last call.

    Raises:
        UserError: not even one member fits into the memory.
    """
    parts, done = groups(members), done or {}
    tell(explain(parts))
    for group in parts:
        left = [index for index in group.members if index not in done]
        if left:
            before = [done[index] for index in group.members if index in done]
            yield from _run(members, group, left, before[-1] if before else at_once, tell, watch)


def _run(members, group, left, at_once, tell, watch) -> Iterator[tuple[int, Outcome]]:
    batches = _choose([members[index] for index in left], group, at_once, tell)
    while left:
        indices = left[: batches.count]
        try:
            outcomes = batches.fit([members[index] for index in indices], watch)
        except jax.errors.JaxRuntimeError as error:
            batches = _halved(batches, error, tell)
            continue
        yield from zip(indices, outcomes, strict=True)
        left = left[len(indices) :]


def _choose(members: Sequence[Member], group: Group, at_once: int, tell) -> "Batches":
    """Settle how many members share a device: as told, or measured at growing numbers while these gain."""
    most = -(-len(members) // jax.device_count())
    if group.settings.field.sharded:
        tell("one after another, each shared by all devices (field.sharded)")
        return _fitting(members, group, 1, tell)
    if at_once:
        return _fitting(members, group, at_once, tell)
    sizes = candidates(most)
    best, best_cost = _fitting(members, group, 1, tell), np.inf
    for size in sizes if len(sizes) > 1 else []:
        tried = best if size == 1 else _fitting(members, group, size, tell)
        if size > 1 and tried.at_once <= best.at_once:
            break  # the memory is full
        try:
            cost = tried.probe(members[: tried.count])
        except jax.errors.JaxRuntimeError as error:
            _refuse_others(error)
            break
        tell(f"measured: {tried.at_once} at once on each of {jax.device_count()} devices, {1e3 * cost:.2f} ms a step")
        if _agreed(int(cost > _GAIN * best_cost)):
            break
        best, best_cost = tried, cost
    tell(f"chosen: {best.at_once} at once on each of {jax.device_count()} devices")
    return best


def candidates(most: int) -> list[int]:
    """Return numbers of members on a device to try, up to `most`: powers of 4, evened out so that batches are full."""
    powers = [4**k for k in range(most.bit_length()) if 4**k <= most]
    return sorted({-(-most // -(-most // power)) for power in powers})


def _fitting(members: Sequence[Member], group: Group, wanted: int, tell) -> "Batches":
    """Compile for the wanted number at once, or for as many as the memory holds by the compiled program's estimate."""
    while True:
        start = time.perf_counter()
        batches = Batches(group, wanted, members[0])
        seconds, needed, free = time.perf_counter() - start, batches.bytes, int(_SHARE * free_memory())
        tell(
            f"compiled for {wanted} at once in {seconds:.1f} s: {needed / 2**20:.1f} MiB a device, of"
            f" {free / 2**20:.0f} that may be taken"
        )
        fits = _agreed(wanted if needed <= free else min(wanted - 1, wanted * free // needed))
        if fits == wanted or wanted == 1:
            return batches
        wanted = max(1, fits)


def _halved(batches: "Batches", error: Exception, tell) -> "Batches":
    _refuse_others(error)
    if batches.at_once == 1:
        raise UserError("the memory does not hold one fit: lower field.tile, field.width or train.fibers") from None
    tell(f"the memory is exhausted at {batches.at_once} at once: going on with half as many")
    return Batches(batches.group, batches.at_once // 2, batches.like)


def _refuse_others(error: Exception) -> None:
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


class Batches:
    """A group's programs for batches of one size: compiled, and run on batch after batch."""

    def __init__(self, group: Group, at_once: int, like: Member):
        """Compile for `at_once` members on each device; `like` is any member of the group."""
        self.group, self.at_once, self.like = group, at_once, like
        shared = group.settings.field.sharded
        self.count = 1 if shared else at_once * jax.device_count()
        self._sharding = NamedSharding(devices.mesh("fits"), PartitionSpec() if shared else PartitionSpec("fits"))
        settings = group.settings

        def begin(seed, knobs, signal):
            return training.begin(seed, signal, knobs, settings)

        def recover(params, knobs):
            return training.recover(params["field"], knobs.omega, group.shape, settings)

        self._lengths = chunks(settings.train.steps, like.settings.train.chunk)
        self._first: Batches | None = None
        if like.problem.context is None and (first := training.first_fit(like.settings)):
            earlier = group._replace(settings=training.program(first))
            self._first = Batches(earlier, at_once, like._replace(settings=first))
        seeds, knobs, signal = given = self._given([like])
        start = self._mapped(begin).lower(*given)
        state, key = jax.tree.map(self._abstract, start.out_info)
        self._begin = start.compile()
        self._advance = {
            length: self._chunk(length).lower(state, signal, knobs, key).compile() for length in {*self._lengths}
        }
        self._recover = self._mapped(recover).lower(state.params, knobs).compile()

    @property
    def bytes(self) -> int:
        """What one device needs, by the compiled program's own analysis; its state is updated in place."""
        sizes = self._advance[self._lengths[0]].memory_analysis()
        sides = sizes.argument_size_in_bytes + sizes.output_size_in_bytes - sizes.alias_size_in_bytes
        return sides + sizes.temp_size_in_bytes

    def fit(self, members: Sequence[Member], watch: Callable[[int], None]) -> list[Outcome]:
        """Fit up to `count` members from start to end."""
        start = time.perf_counter()
        if self._first:
            first = [Member(own, m.problem) for m in members if (own := training.first_fit(m.settings))]
            contexts = [outcome.recovered for outcome in self._first.fit(first, lambda steps: None)]
            members = [_in_context(member, context) for member, context in zip(members, contexts, strict=True)]
        seeds, knobs, signal = self._given(members)
        state, key = self._begin(seeds, knobs, signal)
        infos: list[Info] = []
        for length in self._lengths:
            state, info = self._advance[length](state, signal, knobs, key)
            infos.append(devices.fetched(info))  # and so waits, for Ctrl-C and for those who watch
            watch(len(members) * length)
        recovered, params = devices.fetched((self._recover(state.params, knobs), state.params))
        finished = [_finished(member, values) for member, values in zip(members, recovered, strict=False)]
        seconds = (time.perf_counter() - start) / len(members)
        terms = {name: np.concatenate([info[name] for info in infos], axis=1) for name in infos[0]}
        errors = [_error(*_member((terms, params), i)) for i in range(len(members))]
        return [Outcome(finished[i], seconds, error, self.at_once) for i, error in enumerate(errors)]

    def probe(self, members: Sequence[Member]) -> float:
        """Return the seconds of a step, divided by the members of a batch: the better of two first chunks."""
        seeds, knobs, signal = self._given(members)
        state, key = self._begin(seeds, knobs, signal)
        length, taken = self._lengths[0], []
        for _ in range(2):
            start = time.perf_counter()
            state, _ = jax.block_until_ready(self._advance[length](state, signal, knobs, key))
            taken.append(time.perf_counter() - start)
        return min(taken) / length / self.count

    def _chunk(self, length: int):
        def advance(state, signal, knobs, key):
            settings = self.group.settings
            return training.fit_chunk(state, signal, knobs, key, settings=settings, length=length)

        return self._mapped(advance, donate_argnums=0)

    def _mapped(self, one: Callable, **options):
        """Compile a function of one member for a batch: its leading axis shared by devices, vectorised on each."""

        def local(*batch):
            if jax.tree.leaves(batch)[0].shape[0] > 1:
                return jax.vmap(one)(*batch)
            # A vectorised axis of one would be another program than that of the same fit alone.
            return jax.tree.map(lambda x: x[None], one(*jax.tree.map(lambda x: x[0], batch)))

        if not self.group.settings.field.sharded:
            fits = PartitionSpec("fits")
            local = jax.shard_map(local, mesh=devices.mesh("fits"), in_specs=fits, out_specs=fits)
        return jax.jit(local, out_shardings=self._sharding, **options)

    def _given(self, members: Sequence[Member]):
        """Put seeds, knobs and signals of the members on the devices, padded by the last one."""
        if self._first:  # where no first fit has been made yet, any context shows how long a step takes
            members = [m if m.problem.context is not None else _in_context(m, m.problem.image) for m in members]
        padded = [*members, *[members[-1]] * (self.count - len(members))]
        grid = self.group.shape[:-1]
        if training.needs_extension(self.group.settings):
            padded = [_extended(member) for member in padded]
        rows = [
            (np.uint32(m.settings.seed), jax.tree.map(np.float32, knobs(m.settings, grid)), m.problem.signal)
            for m in padded
        ]
        return jax.tree.map(lambda *leaves: self._put(np.stack(leaves)), *rows)

    def _put(self, array: np.ndarray) -> jax.Array:
        return jax.make_array_from_callback(array.shape, self._sharding, lambda index: array[index])

    def _abstract(self, like):
        return jax.ShapeDtypeStruct(like.shape, like.dtype, sharding=self._sharding)


def _in_context(member: Member, context: np.ndarray) -> Member:
    return member._replace(problem=member.problem._replace(context=context))


def _finished(member: Member, recovered: np.ndarray) -> np.ndarray:
    """Krige one member's recovery; what has diverged stays as it is."""
    if not np.isfinite(recovered).all():
        return recovered
    return training.finish(recovered, member.problem.image, member.problem.mask, member.settings)


def _extended(member: Member) -> Member:
    problem = member.problem
    return member._replace(problem=problem._replace(extension=training.extension(problem.image, problem.mask)))


def chunks(steps: int, length: int) -> list[int]:
    """Cut the steps into chunks of one length, but for the last one."""
    return [min(length, steps - done) for done in range(0, steps, length)]


def _member(tree, index: int):
    return jax.tree.map(lambda x: x[index], tree)


def _error(info: Info, params: Params) -> str:
    try:
        training.check_finite(info, params, 0)
    except DivergedError as error:
        return str(error)
    return ""
