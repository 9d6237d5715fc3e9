"""The cache of compiled programs: a later run with the same shapes loads them and starts at once."""

import hashlib
import platform
import re
import warnings
from pathlib import Path

import jax
import platformdirs

MAX_BYTES = 1 << 30
"""Of the folder; beyond it, JAX removes the programs that were used the longest ago."""
MIN_SECONDS = 0.1
"""Programs that compile faster are not kept: there are hundreds of them, and each would be a file."""


def keep_programs() -> None:
    """Have JAX keep its compiled programs in the user's cache folder, unless the user has named another folder.

    A folder that cannot be written makes no difference but for the time: programs are then compiled in every run.
    """
    if jax.config.jax_compilation_cache_dir is not None:
        return
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "in_use").touch()
    except OSError:  # the folder, or the disk, takes no files
        return
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_compilation_cache_max_size", MAX_BYTES)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", MIN_SECONDS)
    # A disk that fills up during a run costs the next run some seconds, which is no reason to alarm anybody.
    warnings.filterwarnings("ignore", message="Error (reading|writing) persistent compilation cache entry")


def cache_folder() -> Path:
    """Return the folder of the programs for this kind of processor, in the user's cache folder of the platform.

    On Linux it is in $XDG_CACHE_HOME or ~/.cache, on macOS in ~/Library/Caches.
    """
    return platformdirs.user_cache_path("inrr_jax", appauthor=False) / f"programs-{_processor()}"


def _processor() -> str:
    """Return a hash of the processor's instruction sets, because a home directory may be shared by several machines."""
    try:
        flags = re.search(r"^(flags|Features)\s*:.*$", Path("/proc/cpuinfo").read_text(errors="ignore"), re.MULTILINE)
    except OSError:  # there is no such file outside Linux
        flags = None
    text = f"{platform.machine()} {platform.processor()} {flags[0] if flags else ''}"
    return hashlib.sha256(text.encode()).hexdigest()[:8]
