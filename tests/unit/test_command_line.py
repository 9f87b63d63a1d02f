"""Commands, exit statuses, and that mistakes are told without a traceback and start nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from experiments import run as launcher
from experiments.asking.prepare import Prepared
from experiments.faults import FAULTS
from failstatic import names
from failstatic.cli import app
from topology.errors import FailstaticError, InputError, LabError, MachineError

RUNNER = CliRunner()
SUMMARY: dict[str, Any] = {
    "experiment": "control-plane-loss",
    "seed": 1,
    "topology": "edge12",
    "backend": "emulated",
    "verdict": "pass",
    "fidelity": {"trusted": True, "reasons": {}, "bounds": {}, "policies": {}},
    "policies": {},
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verdict: str, *, stopped: bool = False) -> None:
    def execute(*_: object) -> launcher.Result:
        return launcher.Result(tmp_path, {**SUMMARY, "verdict": verdict}, {}, stopped)

    monkeypatch.setattr(launcher, "execute", execute)


@pytest.mark.parametrize(("verdict", "status"), [("pass", 0), ("fail", 1), ("unknown", 3)])
def test_the_verdict_is_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verdict: str, status: int
) -> None:
    _result(monkeypatch, tmp_path, verdict)
    assert RUNNER.invoke(app, ["run", "control-plane-loss"]).exit_code == status


def test_a_stopped_run_ends_with_130_whatever_it_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _result(monkeypatch, tmp_path, "pass", stopped=True)
    result = RUNNER.invoke(app, ["run", "control-plane-loss"])
    assert result.exit_code == 130
    assert "kept and judged" in result.output


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (InputError("wrong"), 2, "wrong"),
        (LabError("the relay died"), 3, "It broke: the relay died"),
        (MachineError("no /dev/net/tun", "modprobe tun"), 4, "no /dev/net/tun"),
    ],
)
def test_errors_are_one_block_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, error: FailstaticError, status: int, words: str
) -> None:
    def execute(*_: object) -> launcher.Result:
        raise error

    monkeypatch.setattr(launcher, "execute", execute)
    result = RUNNER.invoke(app, ["run", "control-plane-loss"])
    assert result.exit_code == status
    assert words in result.output
    assert "Traceback" not in result.output
    assert RUNNER.invoke(app, ["run", "control-plane-loss", "--debug"]).exception is error


def test_a_machine_that_cannot_is_told_of_the_other_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    def execute(*_: object) -> launcher.Result:
        raise MachineError("no tun", "modprobe tun")

    monkeypatch.setattr(launcher, "execute", execute)
    output = RUNNER.invoke(app, ["run", "control-plane-loss"]).output
    assert "modprobe tun. `failstatic doctor` tells all" in output
    assert "BACKEND=modelled" in output


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["run", "control-plane-los"], "did you mean 'control-plane-loss'"),
        (["run", "control-plane-loss", "--policy", "fail-statik"], "did you mean 'fail-static'"),
        (["run", "control-plane-loss", "--policy", "fail-static,"], "unknown policy ''"),
        (["run", "control-plane-loss", "--topology", "edge13"], "did you mean 'edge12'"),
        (["run", "control-plane-loss", "--backend", "modelled", "--pcap"], "--pcap: no packet is sent"),
        (["run", "control-plane-loss", "--backend", "real"], "unknown backend 'real'"),
        (["run", "control-plane-loss", "--framework", "pox"], "unknown framework 'pox'"),
        (["run", "control-plane-loss", "--seed", "-1"], "--seed: should be greater than or equal to 0; found '-1'"),
        (["run", "control-plane-loss", "--seed", "1099511627776"], "--seed: should be less than 2147483648"),
        (["run", "missing.yaml"], "no such file"),
        (["sweep", "cut-anywher"], "did you mean 'cut-anywhere'"),
        (["sweep", "missing.yaml"], "no such file"),
        (["report", "nothing"], "unknown run 'nothing'"),
        (["stop", "nothing"], "unknown run 'nothing'"),
    ],
)
def test_bad_input_is_refused_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, args: list[str], words: str
) -> None:
    def execute(prepared: Prepared, *_: object) -> launcher.Result:
        raise AssertionError("started")

    monkeypatch.setattr(launcher, "execute", execute)
    result = RUNNER.invoke(app, args)
    assert result.exit_code == 2
    assert words in result.output
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("experiments", ["control-plane-loss", "Does losing the control plane"]),
        ("sweeps", ["cut-anywhere", "Which single fibre"]),
        ("policies", ["fail-static", "soft-state", "fast-reroute"]),
        ("topologies", ["edge12", "europe18", "topohub:"]),
        ("ls", [""]),
        ("--help", ["Exit status", "control-plane-loss", "doctor"]),
    ],
)
def test_lists_and_help(command: str, words: list[str]) -> None:
    result = RUNNER.invoke(app, [command], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert all(word in result.output for word in words)


def test_names_complete() -> None:
    assert "control-plane-loss" in {name for name, _ in names.experiments("control-plane-l")}
    assert [name for name, _ in names.sweeps("cut-anyw")] == ["cut-anywhere"]
    assert [name for name, _ in names.policies("fail-static,fas")] == ["fail-static,fast-reroute"]
    assert "fail-static" not in {name for name, _ in names.policies("fail-static,")}
    assert list(names.topologies("edge")) == ["edge12"]
    assert list(names.backends("m")) == ["modelled"]
    assert list(names.runs("")) == []


def test_every_kind_of_fault_is_listed_with_one_line_of_its_own() -> None:
    told = RUNNER.invoke(app, ["faults"], env={"COLUMNS": "300"}).output
    lines = {line.split()[0]: line for line in told.splitlines() if line.strip()}
    assert {*FAULTS} <= set(lines)
    assert all(FAULTS.summary(name) and FAULTS.summary(name) in lines[name] for name in FAULTS)
