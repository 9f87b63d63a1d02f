"""The exact words for each broken topology file: NAME.yaml or .csv beside NAME.txt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from topology.errors import InputError
from topology.load import load

FOLDER = Path(__file__).parent / "topology_errors"
CASES = sorted(path.name for path in FOLDER.iterdir() if path.suffix != ".txt")


@pytest.mark.parametrize("name", CASES)
def test_the_message_is_as_expected(
    name: str, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FOLDER)
    with pytest.raises(InputError) as caught:
        load(f"csv:{name}" if name.endswith(".csv") else name)
    golden(f"topology_errors/{name.partition('.')[0]}.txt", f"{caught.value}\n")
