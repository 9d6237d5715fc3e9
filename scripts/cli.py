"""The flags and settings of every script, and one-line error messages."""

import hashlib
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import jax
from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from inrr_jax.errors import DivergedError, UserError, unknown
from inrr_jax.options import check_names, from_mapping

from . import cache

CONFIGS = Path(__file__).parents[1] / "configs"
"""The folder of the package's configs, a sibling of the scripts' folder both in a checkout and in an installation."""
CONFIG = config_flags.DEFINE_config_file(
    "config", None, "The name or the file of a config, its variant after a colon: --config=baboon:paper."
)
WORKDIR = flags.DEFINE_string("workdir", None, "The folder that the run writes to.")
COMPILATION_CACHE = flags.DEFINE_bool(
    "compilation_cache", True, "Keep compiled programs in the user's cache folder, so that later runs start sooner."
)

MISSING = "--config is missing: give a config by name, such as --config=baboon, or by its file"
RESUME = "to resume, give the same command again"

INTERRUPTED = 130
"""Exit code after Ctrl-C, by the convention of shells."""


Group = TypeVar("Group")


class Interrupted(KeyboardInterrupt):
    """The user stopped the run; the message says what is kept and how to resume."""


class Stopping:
    """Delays Ctrl-C and SIGTERM until the end of a chunk of steps; a second one stops at once.

    The loop over chunks reads `asked`, or calls `check`, after each chunk. The delay is needed because an interpreter
    that exits while the devices compute may crash.
    """

    def __init__(self):
        self.asked = False
        self._previous: dict[int, Any] = {}

    def __enter__(self):
        self._previous = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *unused):
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise KeyboardInterrupt if asked to stop."""
        if self.asked:
            raise KeyboardInterrupt

    def _ask(self, number, frame):
        if self.asked:
            raise Interrupted(f"stopped at once: {RESUME}")
        self.asked = True
        os.write(
            2, b"\nstopping at the end of this chunk; once more to stop at once\n"
        )  # print is not safe in a handler


def run(main: Callable[..., None], *, names: bool = False, default: str | None = None) -> None:
    """Parse the flags, call `main(config, workdir)` and exit, with code 0 only on success.

    Args:
        main: the script.
        names: whether positional arguments are accepted and passed on: `main(config, workdir, names)`.
        default: the name of the config without `--config`; None if that flag is required.
    """

    def entry(arguments: list[str]) -> None:
        if arguments[1:] and not names:
            raise UserError(f"argument {arguments[1]} is not understood: settings are given as --config.NAME=VALUE")
        if CONFIG.value is None:
            raise UserError(MISSING)
        if COMPILATION_CACHE.value:
            cache.keep_programs()
        main(CONFIG.value, Path(WORKDIR.value) if WORKDIR.value else None, *([arguments[1:]] if names else []))

    logging.set_verbosity(logging.WARNING)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # SIGTERM has the effect of Ctrl-C
    app.run(
        lambda arguments: _guarded(lambda: entry(arguments)), flags_parser=lambda arguments: _parse(arguments, default)
    )


def log(line: str) -> None:
    """Print a line at once, also into a file or a pipe."""
    print(line, flush=True)


def settings(config: ConfigDict, cls: type[Group]) -> Group:
    """Turn a config into settings.

    Raises:
        UserError: a value is refused, the config is one of another command, or a flag sets an option that the chosen
            variant of its group does not have.
    """
    if set(config) - set(cls.__dataclass_fields__):
        _refuse_config_of_other_command()
    found = from_mapping(config.to_dict(), cls)
    try:
        changed = config_flags.get_override_values(flags.FLAGS["config"])
    except flags.Error:  # the config did not come from the command line
        changed = {}
    check_names(found, [name for name in changed if "[" not in name])
    return found


def check_picture(config: ConfigDict) -> None:
    """Refuse a config whose data are no picture.

    Raises:
        UserError: they are not.
    """
    if "data" not in config or config.data.name != "picture":
        raise UserError("--config: its data are no picture; give a config of a picture, such as --config=inpaint")


def _refuse_config_of_other_command() -> None:
    """Raise UserError if the file of the config, which opens with its command, names another one than this."""
    try:
        file = Path(config_flags.get_config_filename(flags.FLAGS["config"]).partition(":")[0])
    except flags.Error:  # the config did not come from the command line
        return
    named = re.search(r"inrr-jax (\w+)", file.read_text(encoding="utf-8"))
    if named and named[1] != Path(sys.argv[0]).stem.split()[-1]:
        raise UserError(f"--config={file.stem} is a config of inrr-jax {named[1]}: give it to that command")


def default_workdir() -> Path:
    """Return a folder under runs/ named after the config, its variant and a hash of the settings that flags changed."""
    file, _, variant = config_flags.get_config_filename(flags.FLAGS["config"]).partition(":")
    changed = config_flags.get_override_values(flags.FLAGS["config"])
    digest = hashlib.sha256(json.dumps(changed, sort_keys=True, default=str).encode()).hexdigest()[:8]
    return Path("runs") / "-".join(part for part in (Path(file).stem, variant, digest if changed else "") if part)


def split_cpu(count: int) -> None:
    """Divide the CPU into `count` virtual devices, before JAX starts; 0: one for each core that this process may use.

    Other devices are not affected, and a number in XLA_FLAGS has precedence.
    """
    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        # macOS has no affinity: all cores may be used there.
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        jax.config.update("jax_num_cpu_devices", count or cores)


def _guarded(call: Callable[[], object]) -> object:
    """Call, and turn the exceptions that are meant for users into one line and an exit code."""
    try:
        return call()
    except (UserError, DivergedError) as error:
        code, message = 1, f"error: {error}"
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        code, message = 1, f"error: {where}{error.strerror or error}"
    except Interrupted as error:
        code, message = INTERRUPTED, str(error)
    except KeyboardInterrupt:
        code, message = (
            INTERRUPTED,
            "stopped at once: the same command resumes from the newest checkpoint, if there is one",
        )
    print(message, file=sys.stderr)
    sys.exit(code)


def _parse(arguments: list[str], default: str | None) -> list[str]:
    configs = sum(bool(re.match(r"--?config(=|$)", argument)) for argument in arguments)
    if not configs and default is not None:
        arguments = [*arguments[:1], f"--config={default}", *arguments[1:]]
    return _guarded(lambda: _parse_flags(arguments, configs))  # type: ignore[return-value]


def _parse_flags(arguments: list[str], configs: int) -> list[str]:
    if configs > 1:
        raise UserError("--config is given twice: give one config file; settings follow as --config.NAME=VALUE")
    flags.FLAGS.set_gnu_getopt()  # flags may follow positional arguments
    try:
        remaining = flags.FLAGS(_with_paths(arguments))
        if CONFIG.value is not None:
            CONFIG.value.keys()  # a config that could not be loaded raises only when it is used
        return remaining
    except UserError:
        raise
    except flags.UnrecognizedFlagError as error:
        if error.flagname.startswith("config."):
            raise UserError(MISSING) from None
        raise UserError(
            unknown(f"flag --{error.flagname}", error.flagname, ["config", "workdir", "compilation_cache"])
        ) from None
    except Exception as error:  # ml_collections raises whatever its parsers and the config file raise
        raise UserError(_explain(error, arguments)) from None


def _with_paths(arguments: list[str]) -> list[str]:
    """Return the arguments with the name of a config, such as `baboon` in `baboon:siren`, replaced by its path."""
    replaced = list(arguments)
    for i, argument in enumerate(arguments):
        flag, separator, value = argument.partition("=")
        if flag not in ("--config", "-config"):
            continue
        if not separator and i + 1 < len(arguments):  # the value is an argument of its own
            replaced[i + 1] = _path_of(arguments[i + 1])
        elif separator:
            replaced[i] = f"{flag}={_path_of(value)}"
    return replaced


def _path_of(config: str) -> str:
    name, colon, variant = config.partition(":")
    return f"{CONFIGS / name}.py{colon}{variant}" if name in config_names() else config


def config_names() -> list[str]:
    """Return the names of the package's configs."""
    return sorted(path.stem for path in CONFIGS.glob("*.py") if path.stem != "__init__")


_NO_CONFIG = {
    "empty string": "names no file",
    "no attribute 'get_config'": "defines no get_config()",
}
_EXPECTED = {
    "int()": "a whole number",
    "to float": "a number",
    "Non-boolean": "true or false",
    "not a dict": "NAME.KEY",
}


def _explain(error: BaseException, arguments: list[str]) -> str:
    """Return a message of ml_collections, which has several lines, as one line."""
    text = (str(error.args[0]) if len(error.args) == 1 else str(error)).replace("\\n", "\n").replace("\\'", "'")
    if raised := re.search(r"UserError: (.*)", text):  # raised by the config file, quoted with its traceback
        return raised[1]
    if "No such file" in text:
        given = _argument(arguments, "config")
        name = given.partition("=")[2].partition(":")[0]
        return unknown(f"{given} is no file, and as a name it", name, config_names())
    for found, wrong in _NO_CONFIG.items():
        if found in text:
            return f"{_argument(arguments, 'config')}: {wrong}; give a config by name, such as baboon, or by its file"
    if isinstance(error, AttributeError | KeyError):
        nearest = re.search(r'Did you mean "(.*?)"', text)
        hint = f"did you mean {nearest[1]}?" if nearest else "inrr_jax/settings.py says where all are declared"
        deeper = re.search(r"Attempting to lookup: (\S+)", text)
        key = deeper[1] if deeper else text.strip("'\" \n").splitlines()[0].strip("'")
        return f"{_argument(arguments, key)}: no such setting; {hint}"
    for found, wanted in _EXPECTED.items():
        if found in text:
            return f"{text.split(': ')[0]}: give {wanted}"
    return " ".join(text.split())


def _argument(arguments: list[str], name: str) -> str:
    """Return the argument whose flag has this name or part of a name; the name itself if there is none."""
    pattern = re.compile(rf"--?([\w.]+\.)?{re.escape(name)}\b")
    return next((argument for argument in arguments if pattern.match(argument)), name)
