"""``make bench``, or ``.venv/bin/python tests/bench``: by path, because a dependency's ``tests`` shadows ours."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from bench.command import main

    sys.exit(main())
