"""One set of colours and type for all pictures and the page.

The categorical colours are Okabe and Ito's, which people with any colour vision can tell
apart; nothing is said by colour alone. Text is dark grey on white.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, QUIET, RULE, PAPER = "#1f2933", "#66727f", "#d9dee3", "#ffffff"
GOOD, BAD, UNSURE = "#00785a", "#b3400a", "#8a6100"
SERIES = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b5f97", "#7a7a7a")
BRAIN_GONE, LINK_BROKEN, ORDERED = "#e9ecf0", "#fdf0c4", "#e3eefa"
LAND, LINE = "#eef1f3", "#7b8794"
FONTS = ("Inter", "Segoe UI", "Helvetica Neue", "Helvetica", "Arial", "Liberation Sans", "DejaVu Sans", "sans-serif")
DPI = 160
_STYLE: dict[str, Any] = {
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": QUIET,
    "axes.edgecolor": RULE,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "svg.fonttype": "none",
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
}


def figure(width: float, height: float) -> Figure:
    """An empty figure in our style, in inches; needs no display."""
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update({**_STYLE, "font.family": _fonts()})
    return Figure(figsize=(width, height), dpi=DPI)


def series(names: Sequence[str]) -> dict[str, str]:
    """A colour for each name, in order."""
    return {name: SERIES[place % len(SERIES)] for place, name in enumerate(names)}


def quiet_axes(axes: Axes) -> None:
    """No tick marks, no frame but the base line."""
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)


def png(drawn: Figure, dpi: int = DPI) -> bytes:
    out = BytesIO()
    drawn.savefig(out, format="png", dpi=dpi, bbox_inches="tight", pad_inches=0.12, metadata={"Software": "failstatic"})
    return out.getvalue()


def svg(drawn: Figure, name: str) -> str:
    """As an element for a page: no XML header, no URL, scaling with its place; ``name`` keeps its ids apart."""
    import matplotlib

    out = StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        drawn.savefig(out, format="svg", bbox_inches="tight", pad_inches=0.12)
    text = out.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    head, rest = text.split(">", 1)
    head = re.sub(r' (?:xmlns(?::\w+)?|width|height)="[^"]*"', "", head)
    rest = re.sub(r'<g id="[^"]*"', "<g", rest).replace("xlink:href", "href")
    return f"{head}>{rest}"


def save(path: Path, data: bytes) -> None:
    """Whole or not at all. Raises OSError."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_bytes(data)
    partial.replace(path)


def _fonts() -> list[str]:
    """Those of ``FONTS`` that this machine has: matplotlib warns about each of the others."""
    from matplotlib import font_manager

    known = {font.name for font in font_manager.fontManager.ttflist}
    return [font for font in FONTS if font in known] or ["sans-serif"]
