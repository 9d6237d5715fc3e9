"""The compiled programs of a batch of fits, and running them.

A batch has `at_once` members on each device. Its programs are compiled ahead of time, which also yields the memory that
they need.
"""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Float

from inrr_jax import devices
from inrr_jax.errors import DivergedError
from inrr_jax.problem import Problem
from inrr_jax.settings import Settings
from inrr_jax.training import fit as one_fit
from inrr_jax.training.programs import StaticKey, collect_hyper_parameters, static_key
from inrr_jax.types import Info, Params


class Batch(NamedTuple):
    """The compiled programs for a batch of one size."""

    at_once: int
    """Members on each device."""
    size: int
    """Members of the batch, over all devices."""
    lengths: tuple[int, ...]
    """Steps of the successive chunks of a fit."""
    bytes: int
    """Memory that one device needs, by the compiler's own analysis."""
    sharding: NamedSharding
    init: Callable
    chunks: Mapping[int, Callable]
    """By the number of steps."""
    recover: Callable


class Fitted(NamedTuple):
    """The result of one member's fit."""

    recovered: Float[np.ndarray, "*grid C"]
    seconds: float
    """Of the batch, divided by its members."""
    error: str
    """Why it diverged; empty if it did not."""


def compile_batch(settings: Settings, problem: Problem, at_once: int) -> tuple[Batch, float]:
    """Compile the programs for `at_once` members like this one on each device; return them and the seconds it took.

    The problem must hold all auxiliary arrays that the settings need; the values do not matter.
    """
    start = time.perf_counter()
    lengths = tuple(chunk_lengths(settings.train.steps, settings.train.chunk))
    leaves, structure = jax.tree.flatten(_inputs(settings, problem))
    shapes = tuple((np.shape(leaf), np.result_type(leaf).name) for leaf in leaves)
    compiled = _compile(static_key(settings), structure, shapes, lengths, at_once)
    return compiled, time.perf_counter() - start


# Compiled programs are kept, as jax.jit keeps those that it compiles itself: fits that come in several runs, such as
# the first fits of INR-Z, then compile once. Eight programs cover the candidates of one group.
@functools.lru_cache(maxsize=8)
def _compile(static: StaticKey, structure: Any, shapes: tuple, lengths: tuple[int, ...], at_once: int) -> Batch:
    sharded = static.field.sharded
    count = 1 if sharded else at_once * jax.device_count()
    sharding = NamedSharding(devices.mesh("fits"), PartitionSpec() if sharded else PartitionSpec("fits"))
    mapped = functools.partial(_mapped, sharding=sharding, sharded=sharded)

    def abstract(like):
        return jax.ShapeDtypeStruct(like.shape, like.dtype, sharding=sharding)

    def init(seed, hyper, problem):
        return one_fit.init_state(seed, problem, hyper, static)

    def chunk(length):
        def steps(state, problem, hyper, key):
            return one_fit.fit_chunk(state, problem, hyper, key, static=static, length=length)

        return mapped(steps, donate_argnums=0)

    like = [jax.ShapeDtypeStruct((count, *shape), dtype, sharding=sharding) for shape, dtype in shapes]
    seeds, hyper, problem = jax.tree.unflatten(structure, like)
    domain = problem.domain

    def recover(params, hyper):
        return one_fit.recover(params, hyper, domain, static)

    first = mapped(init).lower(seeds, hyper, problem)
    state, key = jax.tree.map(abstract, first.out_info)
    chunks = {length: chunk(length).lower(state, problem, hyper, key).compile() for length in {*lengths}}
    last = mapped(recover).lower(state.params, hyper).compile()
    needed = _bytes(chunks[lengths[0]])
    return Batch(at_once, count, lengths, needed, sharding, first.compile(), chunks, last)


def _mapped(one: Callable, *, sharding: NamedSharding, sharded: bool, **options):
    """Map a function of one member over the leading axis of a batch: distributed over devices, vectorised on each."""

    def local(*batch):
        if jax.tree.leaves(batch)[0].shape[0] > 1:
            return jax.vmap(one)(*batch)
        # A vectorised axis of one would be another program than that of the same fit alone.
        return jax.tree.map(lambda x: x[None], one(*jax.tree.map(lambda x: x[0], batch)))

    if not sharded:
        fits = PartitionSpec("fits")
        local = jax.shard_map(local, mesh=devices.mesh("fits"), in_specs=fits, out_specs=fits)
    return jax.jit(local, out_shardings=sharding, **options)


def _bytes(compiled) -> int:
    """Return the memory of a program whose state is updated in place, on one device."""
    sizes = compiled.memory_analysis()
    sides = sizes.argument_size_in_bytes + sizes.output_size_in_bytes - sizes.alias_size_in_bytes
    return sides + sizes.temp_size_in_bytes


def fit(batch: Batch, members: Sequence[tuple[Settings, Problem]], on_progress: Callable[[int], None]) -> list[Fitted]:
    """Fit up to `batch.size` members from the first to the last step."""
    start = time.perf_counter()
    seeds, hyper, problem = _place(batch, members)
    state, key = batch.init(seeds, hyper, problem)
    infos: list[Info] = []
    for length in batch.lengths:
        state, info = batch.chunks[length](state, problem, hyper, key)
        infos.append(devices.fetched(info))  # waits for the chunk, so that Ctrl-C and progress are up to date
        on_progress(len(members) * length)
    # Parameters are fetched too: one may become no number in the last step, after its loss was computed.
    recovered, params = devices.fetched((batch.recover(state.params, hyper), state.params))
    seconds = (time.perf_counter() - start) / len(members)
    terms = {name: np.concatenate([info[name] for info in infos], axis=1) for name in infos[0]}
    errors = [_error(*jax.tree.map(lambda x, i=i: x[i], (terms, params))) for i in range(len(members))]
    return [Fitted(recovered[i], seconds, error) for i, error in enumerate(errors)]


def probe(batch: Batch, members: Sequence[tuple[Settings, Problem]]) -> float:
    """Return the seconds of a step divided by the members of a batch: the faster of two first chunks."""
    seeds, hyper, problem = _place(batch, members)
    state, key = batch.init(seeds, hyper, problem)
    length, taken = batch.lengths[0], []
    for _ in range(2):
        start = time.perf_counter()
        state, _ = jax.block_until_ready(batch.chunks[length](state, problem, hyper, key))
        taken.append(time.perf_counter() - start)
    return min(taken) / length / batch.size


def _inputs(settings: Settings, problem: Problem) -> tuple[Any, ...]:
    """Return what a member's programs are given: seed, hyper-parameters and the visible part of the problem."""
    hyper = jax.tree.map(np.float32, collect_hyper_parameters(settings, problem.domain))
    return np.uint32(settings.seed), hyper, problem._replace(truth=None)


def _place(batch: Batch, members: Sequence[tuple[Settings, Problem]]):
    """Put the inputs of all members on the devices, with copies of the last member for those that are missing."""
    # A batch has one compiled size; copies of the last member fill it, and their results are dropped.
    padded = [*members, *[members[-1]] * (batch.size - len(members))]
    rows = [_inputs(*member) for member in padded]

    def put(*leaves):
        array = np.stack(leaves)
        return jax.make_array_from_callback(array.shape, batch.sharding, lambda index: array[index])

    return jax.tree.map(put, *rows)


def chunk_lengths(steps: int, length: int) -> list[int]:
    """Return the steps of successive chunks: all of one length except the last."""
    return [min(length, steps - done) for done in range(0, steps, length)]


def _error(info: Info, params: Params) -> str:
    try:
        one_fit.check_finite(info, params, 0)
    except DivergedError as error:
        return str(error)
    return ""
