"""Same seed, same bytes: of the journal and of the probes, whatever the process and its hash seed. And no rim."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import hashlib, json, sys
from pathlib import Path
from experiments import modelled
from experiments.conclude import Unwatched
from experiments.asking.prepare import Choice, prepare

# judging would import the report; the journal and the records are what is asked here
def digests(run):
    kept = (path for path in sorted(run.glob("*")) if path.suffix in (".jsonl", ".bin"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}

modelled.finish = digests
prepared = prepare("control-plane-loss", Choice(seed=int(sys.argv[2])))
result = modelled.execute(prepared, Path(sys.argv[1]), Unwatched())
print(json.dumps({"files": result.summary, "modules": sorted(sys.modules)}))
"""
RIM = ("mininet", "ryu", "os_ken", "eventlet", "scapy", "iperf3")
PURE_REPLICA = {f"topology.replica{name}" for name in ("", ".etcd", ".links", ".ovs", ".way")}


def computed(folder: Path, hash_seed: str, seed: int = 1) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCRIPT, str(folder), str(seed)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return computed(tmp_path_factory.mktemp("first"), "0")


@pytest.mark.parametrize("hash_seed", ["1", "4242"])
def test_the_same_seed_gives_the_same_bytes(first: dict[str, Any], hash_seed: str, tmp_path: Path) -> None:
    again = computed(tmp_path, hash_seed)
    assert len(again["files"]) == 4, "a journal, and the probes of three policies"
    assert again["files"] == first["files"]


def test_another_seed_gives_others(first: dict[str, Any], tmp_path: Path) -> None:
    other = computed(tmp_path, "0", seed=2)["files"]
    assert other["journal.jsonl"] != first["files"]["journal.jsonl"], "BFD's jitter is drawn from it"


def test_nothing_of_the_machine_is_imported(first: dict[str, Any]) -> None:
    """Neither the frameworks nor what of the replica needs Linux, so that it runs wherever Python does."""
    loaded = set(first["modules"])
    assert not loaded & set(RIM)
    assert {name for name in loaded if name.startswith("topology.replica")} <= PURE_REPLICA


ELSEWHERE = """
# they look for Linux by themselves
import numpy, scipy.sparse.csgraph, polars, matplotlib.figure, rich, typer, pydantic, yaml
import os, signal, sys
for name in ("fcntl", "resource", "termios", "pwd", "grp"):
    sys.modules[name] = None
for name in ("O_CLOEXEC", "uname", "pidfd_open", "fork"):
    delattr(os, name)
del signal.SIGHUP
sys.argv = "failstatic run control-plane-loss --backend modelled --policy fail-static --results r".split()
from failstatic.cli import main
main()
"""


def test_a_whole_run_with_its_report_needs_nothing_that_only_linux_has(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", ELSEWHERE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "No packet was sent" in done.stdout
    latest = tmp_path / "r/control-plane-loss/latest"
    assert "No packet was sent" in (latest / "report.html").read_text(encoding="utf-8")
    assert json.loads((latest / "manifest.json").read_text(encoding="utf-8"))["backend"] == "modelled"
    assert json.loads((latest / "summary.json").read_text(encoding="utf-8"))["backend"] == "modelled"
