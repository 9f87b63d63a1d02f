"""Ryu's own manager with Ryu's own spanning-tree switch, run by path; only today's Python needs the first line."""

from __future__ import annotations

import sys

from controller import runtime

if __name__ == "__main__":
    runtime.load("ryu")
    from ryu.cmd.manager import main

    sys.argv = ["ryu-manager", "ryu.app.simple_switch_stp_13"]
    sys.exit(main())
