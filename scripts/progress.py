"""Progress of a run: a bar on a terminal, plain lines elsewhere."""

import sys
import time

from tqdm import tqdm


class Progress:
    """Steps done of all, their speed and the time left, with the newest scores."""

    def __init__(self, total: int, done: int = 0, seconds_between_lines: float = 5.0):
        """Start at `done` of `total` steps; lines, where there is no terminal, keep the given distance."""
        self._total, self._done, self._between = total, done, seconds_between_lines
        self._scores, self._last_line = "", -float("inf")
        self._first, self._start = done, time.monotonic()
        bar = "{percentage:3.0f} %|{bar}| {n_fmt}/{total_fmt} steps, {remaining} left, {rate_fmt}{postfix}"
        self._bar = tqdm(total=total, initial=done, bar_format=bar, unit="step") if sys.stderr.isatty() else None

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self._bar is not None:
            self._bar.close()

    def show(self, scores: dict[str, float | None]) -> None:
        """Take over the newest scores."""
        known = {name.removeprefix("psnr_"): value for name, value in scores.items() if name.startswith("psnr_")}
        self._scores = ", ".join(f"{name} {value:.2f} dB" for name, value in known.items() if value is not None)

    def advance(self, steps: int) -> None:
        """Move on by so many steps; their speed is that since the start."""
        step = self._done + steps
        self.update(step, (step - self._first) / (time.monotonic() - self._start))

    def update(self, step: int, speed: float) -> None:
        """Move on to `step`, reached at `speed` steps per second."""
        if self._bar is not None:
            self._bar.set_postfix_str(self._scores, refresh=False)
            self._bar.update(step - self._done)
        elif time.monotonic() - self._last_line > self._between or step == self._total:
            left = (self._total - step) / speed
            parts = [f"step {step}/{self._total}", f"{left:.0f} s left", f"{speed:.1f} steps/s", self._scores]
            print(", ".join(part for part in parts if part), flush=True)
            self._last_line = time.monotonic()
        self._done = step
