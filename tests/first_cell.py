# @title The course's package: this cell installs it where it is missing, and changes no other one
import re
import subprocess
import sys
from importlib import invalidate_caches, metadata, util
from pathlib import Path
from tempfile import mkdtemp

SOURCE = ""  # an address that pip takes, for where no wheel and no folder of the course lies near
if not util.find_spec("gentut"):
    from IPython.core.error import UsageError

    near = [*sorted(Path().glob("gentut-*.whl"))[-1:], Path(".."), Path("../..")]
    source = next((str(p) for p in near if p.is_file() or (p / "gentut").is_dir()), SOURCE)
    if not source:
        raise UsageError("put gentut's wheel beside this notebook, or its address into SOURCE")
    print(f"Installing gentut from {source}; the packages that are here stay as they are.")
    has = {each.name.lower(): each.version for each in metadata.distributions() if each.name}
    (pins := Path(mkdtemp(), "pins.txt")).write_text("\n".join(map("==".join, has.items())))
    pip = [sys.executable, "-m", "pip", "install", "-q", "-c", str(pins)]
    done = subprocess.run([*pip, "--no-deps", source], capture_output=True, text=True)
    if not done.returncode:  # now what it needs; a backend of Keras that is here is enough
        has |= {"tensorflow": 0} if any(map(util.find_spec, ("tensorflow", "jax", "torch"))) else {}
        needs = [n for n in metadata.requires("gentut") if not re.search("extra == .(?!course)", n)]
        needs = [n.split(";")[0] for n in needs if re.match(r"[\w-]+", n)[0] not in has]
        done = subprocess.run([*pip, *needs], capture_output=True, text=True) if needs else done
    if done.returncode:
        raise UsageError(f"pip cannot install gentut: {done.stderr.strip().splitlines()[-1]}")
    invalidate_caches()
import gentut  # before TensorFlow and Keras: it switches on their fast CPU kernels
