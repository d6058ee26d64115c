"""The command line: ``gentut COMMAND``, from train to data."""

import os
import sys
from collections.abc import Sequence

from gentut import startup
from gentut.cli.commands import COMMANDS, refuse_early
from gentut.cli.messages import close_streams, notes_in_one_line, open_streams, quiet, tell
from gentut.cli.parser import parser

PYTHON_NAMES = {
    "`name_or_folder`": "`data`",
    "pass on_error='skip'": "add --skip-unreadable",
    "raise `limit`": "raise --megabytes",
}
WITHOUT_KERAS = ("data",)  # commands that answer at once: importing Keras takes seconds
TO_LOWER = {"size": "--size", "batch_size": "--batch-size", "n": "-n"}  # where memory is short


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; exit code 0, 2 for bad input (one line, no traceback), 130 after Ctrl-C."""
    open_streams()
    try:
        options = parser().parse_args(arguments)
        if getattr(options, "no_cache", False):
            os.environ["GENTUT_CACHE"] = "off"  # for this process, and those that it starts
        if options.command == "doctor":
            with notes_in_one_line():
                startup.choose_backend()
            startup.keras_failure()  # which is then one of its findings
        elif options.command not in WITHOUT_KERAS:
            refuse_early(options)
            with notes_in_one_line():
                startup.start_keras()
        with quiet(), notes_in_one_line(), startup.ctrl_c_raises():
            code = COMMANDS[options.command](options) or 0
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        tell("gentut: stopped")
        return 130
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        return 0
    except Exception as error:
        if _memory_is_full(error):
            lower = " or ".join(text for key, text in TO_LOWER.items() if hasattr(options, key))
            text = f"memory is full: {f'lower {lower}, or ' if lower else ''}close other programs"
        elif isinstance(error, ValueError | TypeError | OSError | RuntimeError | ImportError):
            text = " ".join(str(error).split())
        else:
            raise
        for name, option in PYTHON_NAMES.items():  # what the library calls it, to what is typed
            text = text.replace(name, option)
        tell(f"gentut: {text}")
        if type(error).__name__ == "ProcessesLost":
            leave_at_once()
        return 2
    finally:
        close_streams()


def _memory_is_full(error):
    devices = sys.modules.get("gentut.training.devices")  # not there if Keras cannot be imported
    return isinstance(error, MemoryError) or (devices and devices.out_of_memory(error))


def leave_at_once() -> None:
    """Exit with 2, without what JAX does at exit: it waits minutes for processes that are lost."""
    close_streams()
    os._exit(2)
