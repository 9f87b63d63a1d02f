"""The exact words for each broken spec: NAME.yaml beside NAME.txt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.faults import FAULTS
from experiments.metric_names import METRICS
from experiments.policies import POLICIES
from experiments.prepare import prepare
from topology.errors import InputError

FOLDER = Path(__file__).parent / "spec_errors"
CASES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
GROWING = {"every policy": POLICIES, "every fault": FAULTS.names(), "every metric": METRICS}
"""Lists that get longer with each new one; that they are told whole is part of what is expected."""


@pytest.mark.parametrize("name", CASES)
def test_the_message_is_as_expected(
    name: str, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FOLDER)
    with pytest.raises(InputError) as caught:
        prepare(f"{name}.yaml")
    words = f"{caught.value}\n"
    for what, names in GROWING.items():
        words = words.replace(f"Known: {', '.join(sorted(names))}\n", f"Known: ({what})\n")
    golden(f"spec_errors/{name}.txt", words)
