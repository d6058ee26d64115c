"""How much memory there is: of the machine, or of the container that this program runs in."""

import itertools
from pathlib import Path

# Where Linux tells of the machine's memory, of the control groups that hold this program, and of
# all control groups.
MEMINFO, OWN_GROUPS, GROUPS = "/proc/meminfo", "/proc/self/cgroup", "/sys/fs/cgroup"
# Folder, file of the limit and file of what is used, of the two versions of control groups.
FILES = (
    ("", "memory.max", "memory.current"),
    ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
)


def total_and_free() -> tuple[int | None, int | None]:
    """Return bytes of memory, and those that a new program can have; None where they are hidden."""
    try:
        with open(MEMINFO, encoding="ascii") as file:
            rows = dict(line.split(":", 1) for line in file)
        total, free = (1024 * int(rows[key].split()[0]) for key in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError):
        return None, None
    for limit, left in _limits():
        total, free = min(total, limit), min(free, left)
    return total, max(free, 0)


def _limits():
    """Limit and rest, in bytes, of every control group that holds this program."""
    try:
        groups = {line.rpartition(":")[2].strip("/") for line in _text(OWN_GROUPS).splitlines()}
    except OSError:
        groups = set()
    # A group lies within its parents' limits; a container sees its own group as the top.
    groups = {str(p) for group in groups for p in (Path(group), *Path(group).parents)} | {"."}
    for (version, limit, used), group in itertools.product(FILES, sorted(groups)):
        folder = Path(GROUPS, version, group)
        try:
            stat = dict(line.split() for line in _text(folder / "memory.stat").splitlines())
            cache = int(stat["inactive_file"])  # files kept in memory for as long as there is room
            most = int(_text(folder / limit))  # "max" where there is none
            yield most, most - int(_text(folder / used)) + cache
        except (OSError, KeyError, ValueError):
            continue


def _text(path):
    return Path(path).read_text(encoding="utf-8")
