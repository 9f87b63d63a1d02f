"""The manifest: the command that repeats the run."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from experiments.asking.prepare import Choice, prepare
from experiments.asking.reading import CATALOGUE
from experiments.manifest import command, manifest

FACTS = {"framework": "ryu", "jobs": 1}


def test_a_shipped_experiment_is_repeated_by_its_name() -> None:
    prepared = prepare("control-plane-loss", Choice(("fail-static", "fast-reroute"), None, 7))
    wanted = "failstatic run control-plane-loss --policy fail-static,fast-reroute --topology edge12 --seed 7"
    assert command(prepared, FACTS) == wanted
    assert manifest(prepared, {}, FACTS)["command"] == wanted


def test_a_file_is_repeated_by_its_path_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my own").mkdir()
    text = (CATALOGUE / "control-plane-loss.yaml").read_text()
    (tmp_path / "my own" / "x.yaml").write_text(text)
    words = shlex.split(command(prepare("my own/x.yaml"), FACTS))
    assert words[:3] == ["failstatic", "run", "my own/x.yaml"]
    again = prepare(words[2], Choice(tuple(words[4].split(",")), words[6], int(words[8])))
    assert again.spec == prepare("my own/x.yaml").spec


@pytest.mark.parametrize(
    ("facts", "tail"),
    [
        ({"framework": "os-ken"}, "--framework os-ken"),
        ({"jobs": 2, "backend": "modelled"}, "--backend modelled --jobs 2"),
        ({"jobs": 1, "backend": "emulated"}, "--seed 1"),
    ],
)
def test_what_was_not_as_usual_is_repeated_too(facts: dict[str, Any], tail: str) -> None:
    assert command(prepare("control-plane-loss"), {**FACTS, **facts}).endswith(tail)
