"""A judged run as things to look at.

    words      numbers as people write them        palette    colours and type, one set for all
    columns    the table of policies, as data      table      … in the terminal (rich)
    timeline   pairs down over time                heatmap    pair × time
    trust      delay errors per second             map        PoPs, fibres, the fault
    html       all of it as one file        pages      the style that all pages share (jinja2)

matplotlib is imported when the first picture is drawn, not before.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPORT, TIMELINE, MAP = "report.html", "timeline.png", "map.png"


def write_all(run_dir: Path, summary: Mapping[str, Any]) -> tuple[Path, ...]:
    """Writes report.html, timeline.png and map.png into the run's folder; returns them.

    ``summary`` is what ``experiments.judging.judge.judge`` returned. Raises InputError when the folder
    cannot be read, OSError when it cannot be written.
    """
    from experiments.judging import folder
    from experiments.report.backend import stamp
    from experiments.report.html import render
    from experiments.report.map import draw as draw_map
    from experiments.report.palette import png, save
    from experiments.report.timeline import draw as draw_timeline

    run = folder.read(run_dir)
    pictures = {TIMELINE: draw_timeline(run), MAP: draw_map(run)}
    for name, figure in pictures.items():
        stamp(figure, summary)
        save(run_dir / name, png(figure))
    save(run_dir / REPORT, render(run, summary, pictures[TIMELINE], pictures[MAP]).encode())
    return tuple(run_dir / name for name in (REPORT, TIMELINE, MAP))
