"""The command line: ``gentut COMMAND``, from train to data."""

import os
import sys

from gentut.cli.commands import COMMANDS
from gentut.cli.messages import notes_in_one_line, quiet
from gentut.cli.parser import parser

PYTHON_NAMES = {"`name_or_folder`": "`data`", "pass on_error='skip'": "add --skip-unreadable"}


def main(arguments=None):
    """Run a command; exit code 0, 2 for bad input (one line, no traceback), 130 after Ctrl-C."""
    options = parser().parse_args(arguments)
    try:
        with quiet(), notes_in_one_line():
            return COMMANDS[options.command](options) or 0
    except KeyboardInterrupt:
        print("gentut: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, TypeError, OSError, RuntimeError, ImportError) as error:
        text = " ".join(str(error).split())
        for name, option in PYTHON_NAMES.items():  # what the library calls it, to what is typed
            text = text.replace(name, option)
        print(f"gentut: {text}", file=sys.stderr)
        if type(error).__name__ == "ProcessesLost":
            leave_at_once()
        return 2


def leave_at_once():
    """Exit with 2, without what JAX does at exit: it waits minutes for processes that are lost."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(2)
