"""``failstatic agree``: two kept runs, what it leaves, its exit statuses, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from agreement_runs import computed, without_bypass_rules
from agreement_specs import prepared as table
from typer.testing import CliRunner

from experiments import run as launcher
from experiments.agreement.compare import EMULATED
from experiments.asking.prepare import Prepared
from experiments.conclude import Result
from experiments.inside import Means
from experiments.judging.folder import Run
from failstatic.cli import app
from topology.errors import MachineError

RUNNER = CliRunner()
POLICY = "fail-static"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """One that claims to be emulated, and the modelled one."""
    home = tmp_path_factory.mktemp("kept")
    asked = table(POLICY, home)
    return computed(asked, home, claims=EMULATED), computed(asked, home)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def answer_of(folder: Path) -> Path:
    (found,) = (folder / "results" / f"agree-{POLICY}").iterdir()
    return found


def test_two_kept_runs_in_any_order(kept: tuple[Run, Run], tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["agree", str(kept[1].path), str(kept[0].path)])
    assert result.exit_code == 0, result.output
    assert "Both backends tell the same story" in result.output
    folder = answer_of(tmp_path)
    assert folder.name.startswith("agree-")
    assert {path.name for path in folder.iterdir()} == {"agreement.json", "agreement.html", "agreement.png"}
    found = json.loads((folder / "agreement.json").read_text())
    assert found["verdict"] == "agree"
    assert found["runs"]["emulated"]["path"] == str(kept[0].path)
    aspects = found["policies"][POLICY]["aspects"]
    assert aspects["dark intervals"]["compared"] > 0
    assert aspects["dark intervals"]["disagree"] == 0
    page = (folder / "agreement.html").read_text()
    assert "agree" in page
    assert "http" not in page.replace("http://www.w3.org", ""), "nothing is fetched"


def test_runs_of_one_backend_are_refused(kept: tuple[Run, Run], tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["agree", str(kept[1].path), str(kept[1].path)])
    assert result.exit_code == 2
    assert "this run is modelled; one of each backend is needed" in result.output
    assert not (tmp_path / "results").exists(), "refused before anything is written"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["control-plane-los"], "did you mean 'control-plane-loss'"),
        (["nothing", "at-all"], "unknown run 'nothing'"),
        (["control-plane-loss", "--policy", "fail-statik"], "did you mean 'fail-static'"),
    ],
)
def test_bad_input(args: list[str], words: str) -> None:
    result = RUNNER.invoke(app, ["agree", *args])
    assert result.exit_code == 2
    assert words in result.output


def emulating(monkeypatch: pytest.MonkeyPatch, *, mutant: bool) -> None:
    """The emulated launcher computes instead: with a brain that forgets, or not."""

    def execute(prepared: Prepared, means: Means, view: object) -> Result:
        from contextlib import nullcontext

        assert means.folder is not None
        with without_bypass_rules("nrt") if mutant else nullcontext():
            run = computed(prepared, means.folder.parent / "elsewhere", claims=EMULATED).path
        means.folder.rmdir()
        run.rename(means.folder)
        return Result(means.folder, {"verdict": "pass"}, {}, False)

    monkeypatch.setattr(launcher, "execute", execute)


@pytest.mark.parametrize(("mutant", "status", "word"), [(False, 0, "agree"), (True, 1, "disagree")])
def test_both_are_run_and_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, mutant: bool, status: int, word: str
) -> None:
    emulating(monkeypatch, mutant=mutant)
    result = RUNNER.invoke(app, ["agree", "control-plane-loss", "--policy", "fast-reroute"])
    assert result.exit_code == status, result.output
    (folder,) = (tmp_path / "results/control-plane-loss").glob("agree-*")
    assert {"emulated", "modelled"} <= {path.name for path in folder.iterdir()}
    assert (folder / "modelled/report.html").exists()
    found = json.loads((folder / "agreement.json").read_text())
    assert found["verdict"] == word
    assert found["runs"]["modelled"]["path"] == "modelled"
    assert ("dark intervals, cut-while-headless" in result.output) == mutant, "every disagreement is named"


def test_a_machine_that_cannot_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def execute(*_: object) -> Result:
        raise MachineError("no tun", "modprobe tun")

    monkeypatch.setattr(launcher, "execute", execute)
    result = RUNNER.invoke(app, ["agree", "control-plane-loss"])
    assert result.exit_code == 4
    assert not list((tmp_path / "results").glob("*/*"))


def test_what_the_model_refuses_starts_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def execute(*_: object) -> Result:
        raise AssertionError("started")

    monkeypatch.setattr(launcher, "execute", execute)
    spec = """
name: busy
topology: edge12
policies: [fail-static]
end: 6 s
phases: [{name: steady, at: 0 s}]
timeline: [{at: 2 s, fault: machine.hog}]
"""
    (tmp_path / "busy.yaml").write_text(spec)
    result = RUNNER.invoke(app, ["agree", "busy.yaml"])
    assert result.exit_code == 2, result.output
    assert "the model does not know 'machine.hog'" in result.output
