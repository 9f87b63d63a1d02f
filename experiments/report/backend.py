"""What must stand on everything that a run leaves when it was not measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from experiments.report.palette import BAD

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MODELLED = "MODELLED: computed in virtual time. No packet was sent; no switch, link or machine was measured."


def notice(summary: Mapping[str, Any]) -> str:
    """Empty for a run whose packets were real."""
    return MODELLED if summary.get("backend") == "modelled" else ""


def stamp(picture: Figure, summary: Mapping[str, Any]) -> None:
    """The notice above a picture, which may be shown without its page."""
    if words := notice(summary):
        picture.text(0.01, 1.0, words, va="bottom", fontsize=8.5, weight="bold", color=BAD)
