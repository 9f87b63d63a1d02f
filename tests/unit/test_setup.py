"""make and the set-up script: what is told at once, and which virtual environment is kept."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from experiments.asking.reading import shipped

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
@pytest.mark.parametrize("target", ["experiment", "agree"])
@pytest.mark.parametrize("name", [[], ["NAME="], ["NAME= "]])
def test_an_experiment_without_a_name_is_told_the_names_before_any_set_up(
    target: str, name: list[str], tmp_path: Path
) -> None:
    venv = tmp_path / "venv"
    done = subprocess.run(
        ["make", "-C", ROOT, target, f"VENV={venv}", *name], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"which experiment? make {target} NAME={min(shipped())}" in done.stderr
    assert all(each in done.stderr for each in shipped())
    assert not venv.exists()


def interpreter(path: Path, version: str, home: str) -> Path:
    """A file that answers like an interpreter."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho Python {version} of {home}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """A virtual environment of Python 3.11 of /usr, as far as the script looks."""
    (tmp_path / "venv/lib/python3.11").mkdir(parents=True)
    for name in ("python", "pip"):
        interpreter(tmp_path / "venv/bin" / name, "3.11", "/usr")
    return tmp_path / "venv"


def misfit(venv: Path, python: Path | str) -> str:
    script = 'source scripts/setup.sh; VENV=$1 PYTHON=$2; misfit || echo "status $?"'
    command = ["bash", "-c", script, "bash", str(venv), str(python)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip()


@pytest.mark.parametrize(
    ("version", "home", "why"),
    [
        ("3.11", "/usr", ""),
        ("3.12", "/usr", "it has Python 3.11 of /usr, PYTHON is Python 3.12 of /usr"),
        ("3.11", "/opt", "it has Python 3.11 of /usr, PYTHON is Python 3.11 of /opt"),
    ],
)
def test_an_environment_of_another_interpreter_is_made_anew(
    tmp_path: Path, venv: Path, version: str, home: str, why: str
) -> None:
    assert misfit(venv, interpreter(tmp_path / "other", version, home)) == why


def test_an_environment_stays_when_no_interpreter_is_asked_for(venv: Path) -> None:
    assert misfit(venv, "") == ""


def test_an_environment_that_lost_its_interpreter_or_its_half_is_made_anew(venv: Path) -> None:
    (venv / "lib/python3.11").rename(venv / "lib/python3.10")
    assert misfit(venv, "") == "it is not whole"
    (venv / "bin/python").unlink()
    assert misfit(venv, "") == "its interpreter does not start"


def test_an_interpreter_that_there_is_not_is_an_error(venv: Path) -> None:
    assert misfit(venv, "/nowhere/python3") == "failstatic: PYTHON=/nowhere/python3 does not start"


@pytest.mark.parametrize(("extras", "wanted"), [("", False), ("0", False), ("1", True)])
def test_what_is_optional_is_installed_on_request(extras: str, wanted: bool) -> None:
    script = 'EXTRAS=$1; source scripts/setup.sh; echo "${PACKAGES[@]}"'
    done = subprocess.run(["bash", "-c", script, "bash", extras], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"frr", "etcd-server"}.issubset(done.stdout.split()) == wanted
    assert "mininet" in done.stdout.split()


def test_a_wheel_carries_every_file_that_is_not_python() -> None:
    tomllib = pytest.importorskip("tomllib", reason="tomllib came with Python 3.11")
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    carried = {
        path
        for package, patterns in tool["setuptools"]["package-data"].items()
        for pattern in patterns
        for path in (ROOT / package).glob(pattern)
    }
    files = (path for package in tool["mypy"]["packages"] for path in (ROOT / package).rglob("*") if path.is_file())
    assert {path for path in files if path.suffix not in (".py", ".pyc")} == carried
