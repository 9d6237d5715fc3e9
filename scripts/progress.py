"""Display of the progress of a run: a progress bar on a terminal, and plain lines elsewhere, as in a log file."""

import sys
import time

from tqdm import tqdm


class Progress:
    """Display of the finished steps, their speed, the remaining time and the newest scores."""

    def __init__(self, total: int, done: int = 0, seconds_between_lines: float = 5.0, unit: str = "step"):
        """Start the display.

        Args:
            total: number of steps of the whole run.
            done: number of steps that are finished already, for a run that resumes.
            seconds_between_lines: least time between two plain lines. The last step is always displayed.
            unit: what the run counts.
        """
        self._total, self._done, self._between = total, done, seconds_between_lines
        self._scores, self._last_line = "", -float("inf")
        self._first, self._start = done, time.monotonic()
        self._unit = unit
        bar = "{percentage:3.0f} %|{bar}| {n_fmt}/{total_fmt} " + unit + "s, {remaining} left, {rate_fmt}{postfix}"
        self._bar = tqdm(total=total, initial=done, bar_format=bar, unit=unit) if sys.stderr.isatty() else None

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self) -> None:
        """End the display."""
        if self._bar is not None:
            self._bar.close()

    def show(self, scores: dict[str, float | None]) -> None:
        """Set the scores that are displayed from now on.

        Args:
            scores: by name; only the PSNRs (`psnr_missing`, ...) that are not None are displayed, in dB.
        """
        psnr = {name.removeprefix("psnr_"): value for name, value in scores.items() if name.startswith("psnr_")}
        self._scores = ", ".join(f"{name} {value:.2f} dB" for name, value in psnr.items() if value is not None)

    def advance(self, steps: int) -> None:
        """Advance the display by a number of steps. The speed is the mean since the start."""
        step = self._done + steps
        self.update(step, (step - self._first) / (time.monotonic() - self._start))

    def update(self, step: int, speed: float) -> None:
        """Advance the display to the given step.

        Args:
            step: number of finished steps, of the whole run.
            speed: steps per second, from which the plain lines compute the remaining time.
        """
        if self._bar is not None:
            self._bar.set_postfix_str(self._scores, refresh=False)
            self._bar.update(step - self._done)
        elif time.monotonic() - self._last_line > self._between or step == self._total:
            left = (self._total - step) / speed
            parts = [
                f"{self._unit} {step}/{self._total}",
                f"{left:.0f} s left",
                f"{speed:.1f} {self._unit}s/s",
                self._scores,
            ]
            print(", ".join(part for part in parts if part), flush=True)
            self._last_line = time.monotonic()
        self._done = step


class FitsProgress:
    """Display of the progress of one fit after another."""

    def __init__(self):
        self._progress: Progress | None = None

    def __call__(self, done: int, total: int) -> None:
        """Show the numbers of finished and of all steps of a fit: at its start, and whenever it has advanced."""
        if self._progress is None:
            self._progress = Progress(total, done, seconds_between_lines=30.0)
        else:
            self._progress.advance(done - self._done)
        self._done = done
        if done == total:
            self._progress.close()
            self._progress = None
