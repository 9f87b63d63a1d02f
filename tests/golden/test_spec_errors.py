"""The exact words for each broken spec: NAME.yaml beside NAME.txt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.prepare import prepare
from topology.errors import InputError

FOLDER = Path(__file__).parent / "spec_errors"
CASES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", CASES)
def test_the_message_is_as_expected(
    name: str, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FOLDER)
    with pytest.raises(InputError) as caught:
        prepare(f"{name}.yaml")
    golden(f"spec_errors/{name}.txt", f"{caught.value}\n")
