"""The recipe for many fits: what fits of one problem have in common is computed once.

The seconds of a shared computation are charged to every fit that uses it, so that a fit's seconds are those that it
would take alone.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from absl import logging

from inrr_jax.recipes import pipeline
from inrr_jax.recipes.pipeline import Log, Prepared
from inrr_jax.training import programs, sweep
from inrr_jax.training.sweep import Member


class SharedRecipe:
    """Prepares and finishes members of a sweep; holds what it computed for all problems it has seen."""

    def __init__(self, log: Log = logging.info) -> None:
        """Start with nothing computed.

        Args:
            log: takes a line before each shared computation that may take long.
        """
        self._log = log
        self._computed: dict[Any, tuple[Any, float]] = {}

    def prepare(self, members: Sequence[Member], at_once: int) -> list[tuple[Member, float]]:
        """Return the members with the auxiliary arrays that they need, and the seconds that each took."""
        with_estimates = self._with_first_estimates(members, at_once)
        return [self._with_guide(member, seconds) for member, seconds in with_estimates]

    def finish(self, member: Member, recovered: np.ndarray) -> tuple[np.ndarray, float]:
        """Return the final recovery of a prepared member from its field's values, and the seconds that it took."""
        problem, settings = member.problem, member.settings
        if settings.correction == "none":
            return recovered, 0.0
        stack, weights, study, charged = None, None, None, 0.0
        if settings.correction == "stacked":
            stack, seconds = self._stack(member)
            # A guided member has been charged for the stack when it was prepared.
            charged += 0.0 if "guide" in settings.regularizer.terms else seconds
            key = ("weights", problem.digest, pipeline.seedless(settings))
            weights, seconds = self._once(key, lambda: pipeline.blend_weights(problem, stack, settings))
            charged += seconds
        if settings.correction == "blended":
            key = ("study", problem.digest, pipeline.seedless(settings))
            study, charged = self._once(key, lambda: pipeline.blend_study(problem, settings, self._log))
        start = time.perf_counter()
        finished = pipeline.finish(recovered, Prepared(problem, stack), settings, weights=weights, study=study)
        return finished, charged + time.perf_counter() - start

    def _with_first_estimates(self, members: Sequence[Member], at_once: int) -> list[tuple[Member, float]]:
        """Run the first fits that the members need as one sweep of their own."""
        first = {i: s for i, m in enumerate(members) if (s := pipeline.first_settings(m.problem, m.settings))}
        fits = [Member(settings, members[i].problem) for i, settings in first.items()]
        outcomes = dict(sweep.run(fits, at_once=at_once, log=lambda line: None)) if fits else {}
        found = [(member, 0.0) for member in members]
        for n, i in enumerate(first):
            problem = members[i].problem.with_auxiliary(first_estimate=outcomes[n].recovered)
            found[i] = members[i]._replace(problem=problem), outcomes[n].seconds
        return found

    def _with_guide(self, member: Member, seconds: float) -> tuple[Member, float]:
        if not programs.lacks(member.problem, member.settings, "guide"):
            return member, seconds
        stack, more = self._stack(member)
        return member._replace(problem=member.problem.with_auxiliary(guide=stack.guide)), seconds + more

    def _stack(self, member: Member):
        key = ("stack", member.problem.digest)
        return self._once(key, lambda: pipeline.build_stack(member.problem, member.settings, self._log))

    def _once(self, key: Any, compute: Callable[[], Any]) -> tuple[Any, float]:
        """Return a computation's result and its seconds, computed at the first call with this key."""
        if key not in self._computed:
            start = time.perf_counter()
            self._computed[key] = compute(), time.perf_counter() - start
        return self._computed[key]
