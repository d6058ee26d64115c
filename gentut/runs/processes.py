"""One training by several devices and several processes, into one run folder."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gentut.runs.config import Config
from gentut.runs.folder import RunFolder
from gentut.runs.guard import NAME
from gentut.training.devices import (
    ProcessesLost,
    device_count,
    one_of_several,
    process,
    tells_of_lost_processes,
    use_devices,
    wait_for_all,
)


def set_devices(count: int | str | None, run: RunFolder | None = None) -> int | None:
    """Set the devices of this process; their number, or None for one.

    ``count``: None for those that are set already, or that a ``run`` which goes on was begun with.
    """
    if count is None and run is not None and not run.holds_nothing():
        count = run.read_config().devices
    if count is None and one_of_several():
        count = 1
    if count is not None:
        use_devices(count)
    count = device_count() // process()[1]
    return count if count > 1 else None


def refuse_clock(config: Config) -> None:
    """Raise if several processes would each stop by its own clock, and so wait for each other."""
    if process()[1] > 1 and config.minutes is not None:
        raise ValueError(
            "`minutes` must be left out where several processes train together, whose clocks"
            f" differ: give `epochs`; received {config.minutes!r}."
        )


@contextlib.contextmanager
def own_folder(path: str | os.PathLike) -> Iterator[Path]:
    """The run folder that this process works in.

    Of several processes that train together, the first has the folder itself.  The others begin
    with a copy, so that all go on from the same checkpoint, and drop theirs in the end.

    Raises:
        ProcessesLost: what is done in the folder failed because another process has ended.
    """
    path = Path(path)
    index, _ = process()
    with contextlib.ExitStack() as stack:
        if index > 0:
            copy = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "run"
            if path.is_dir():
                left_out = shutil.ignore_patterns(NAME, "*.part", "part-*")
                shutil.copytree(path, copy, ignore=left_out)
            path = copy
        try:
            wait_for_all("run folder read")
            yield path
        except (RuntimeError, ValueError) as error:
            if not tells_of_lost_processes(error):
                raise
            reason = str(error).strip().partition("\n")[0][:200]
            raise ProcessesLost(
                "the other processes of this training cannot be reached any more; when all are"
                f" started again, --resume goes on from the newest checkpoint ({reason})"
            ) from error
