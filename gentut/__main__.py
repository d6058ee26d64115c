"""``python -m gentut`` is the command ``gentut``."""

import sys

from gentut.cli import main

sys.exit(main())
