"""The exact words for each broken experiment and sweep: NAME.yaml beside NAME.txt."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.asking.prepare import prepare
from experiments.asking.reading import shipped
from experiments.faults import FAULTS
from experiments.judging.metric_names import METRICS
from experiments.policies import POLICIES
from experiments.sweep.plan import plan
from experiments.sweep.reading import read
from topology.errors import InputError

HERE = Path(__file__).parent
READ = {"spec_errors": prepare, "sweep_errors": lambda name: plan(read(name))}
CASES = sorted((folder, path.stem) for folder in READ for path in (HERE / folder).glob("*.yaml"))
GROWING = {
    "every policy": POLICIES,
    "every fault": FAULTS.names(),
    "every metric": METRICS,
    "every experiment": shipped(),
}
"""Lists that get longer with each new one; that they are told whole is part of what is expected."""


@pytest.mark.parametrize(("folder", "name"), CASES)
def test_the_message_is_as_expected(
    folder: str, name: str, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(HERE / folder)
    with pytest.raises(InputError) as caught:
        READ[folder](f"{name}.yaml")
    words = f"{caught.value}\n"
    for what, names in GROWING.items():
        words = re.sub(rf"Known: {re.escape(', '.join(sorted(names)))}(?=\n|;)", f"Known: ({what})", words)
    if folder == "sweep_errors":
        words = re.sub(r"(unknown (axis|link) [^\n]*?Known: )[^\n]*", r"\1(…)", words)
    golden(f"{folder}/{name}.txt", words)
