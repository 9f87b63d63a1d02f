"""The network on the globe: PoPs by population, fibres by the demand that they carry, the fault marked.

Plate carrée. Fibres are drawn as great circles, which is the way their length was computed
unless the topology gives another. Coastline: Natural Earth (public domain), kept beside this
file, coarse on purpose.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.asking.targets import demand_by_link
from experiments.judging.attribution import faulted_links
from experiments.judging.folder import Run
from experiments.judging.samples import Floats
from experiments.report.palette import INK, LAND, LINE, PAPER, QUIET, RULE, SERIES, figure
from topology.model import Pop, Topology

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 10.0
COASTLINE = Path(__file__).with_name("coastline.json")
FAULT = SERIES[0]
BRAIN = SERIES[1]
LABELLED = 40
"""In larger networks only so many of the largest PoPs are named."""
SLENDER = (0.45, 0.68)
"""Height over width of the picture: at least, at most."""
Box = tuple[float, float, float, float]
"""west, east, south, north (degrees)."""


def draw(run: Run) -> Figure:
    topology = run.topology
    struck = frozenset().union(*(faulted_links(story.events) for story in run.stories))
    west, east, south, north = box(topology)
    stretch = 1 / max(0.35, math.cos(math.radians((south + north) / 2)))
    drawn = figure(WIDTH, WIDTH * (north - south) / (east - west) * stretch + 0.3)
    axes = drawn.add_axes((0, 0, 1, 1))
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    axes.set_aspect(stretch)
    axes.axis("off")
    _ground(axes, (west, east, south, north))
    _fibres(axes, topology, run, struck)
    _pops(axes, topology, (west, east, south, north))
    _legend(axes, topology, struck)
    return drawn


def box(topology: Topology) -> Box:
    """All PoPs with a margin; the inhabited world when they span most of it."""
    lats, lons = [pop.lat for pop in topology.pops], [pop.lon for pop in topology.pops]
    width, height = max(lons) - min(lons), max(lats) - min(lats)
    if width > 150:
        return (-180.0, 180.0, min(-58.0, min(lats) - 5), max(76.0, max(lats) + 5))
    side, rise = max(0.12 * width, 1.5), max(0.12 * height, 1.5)
    west, east, south, north = min(lons) - 1.6 * side, max(lons) + 1.6 * side, min(lats) - rise, max(lats) + rise
    squeeze = math.cos(math.radians((south + north) / 2))
    low = max(0.0, SLENDER[0] * (east - west) * squeeze - (north - south)) / 2
    narrow = max(0.0, (north - south) / (SLENDER[1] * squeeze) - (east - west)) / 2
    return (west - narrow, east + narrow, south - low, north + low)


def great_circle(a: Pop, b: Pop, steps: int = 48) -> list[Floats]:
    """Points (lon, lat) from a to b, in pieces that do not cross the antimeridian."""
    ends = [np.array(_unit(pop.lat, pop.lon)) for pop in (a, b)]
    angle = math.acos(float(np.clip(ends[0] @ ends[1], -1, 1)))
    if angle < 1e-9:
        return []
    t = np.linspace(0, 1, steps)[:, None]
    points = (np.sin((1 - t) * angle) * ends[0] + np.sin(t * angle) * ends[1]) / math.sin(angle)
    lon, lat = np.degrees(np.arctan2(points[:, 1], points[:, 0])), np.degrees(np.arcsin(np.clip(points[:, 2], -1, 1)))
    jumps = np.flatnonzero(np.abs(np.diff(lon)) > 180)
    return list(_pieces(np.column_stack((lon, lat)), jumps))


def _pieces(points: Floats, jumps: Floats) -> Iterator[Floats]:
    """Each piece is led on to the edge of the map."""
    start, lead = 0, None
    for jump in [*jumps, None]:
        end = len(points) if jump is None else int(jump) + 1
        piece = points[start:end] if lead is None else np.vstack((lead, points[start:end]))
        if jump is not None:
            side = math.copysign(180.0, float(points[jump][0]))
            height = (points[jump][1] + points[jump + 1][1]) / 2
            piece, lead, start = np.vstack((piece, [[side, height]])), np.array([[-side, height]]), end
        yield piece


def _unit(lat: float, lon: float) -> tuple[float, float, float]:
    a, b = math.radians(lat), math.radians(lon)
    return (math.cos(a) * math.cos(b), math.cos(a) * math.sin(b), math.sin(a))


@lru_cache(maxsize=1)
def coastline() -> tuple[Floats, ...]:
    """Rings of (lon, lat)."""
    rings: list[list[float]] = json.loads(COASTLINE.read_text())["rings"]
    return tuple(np.array(ring, dtype=np.float64).reshape(-1, 2) for ring in rings)


def _ground(axes: Axes, extent: Box) -> None:
    from matplotlib.collections import PolyCollection

    axes.add_collection(PolyCollection(list(coastline()), facecolors=LAND, edgecolors=RULE, linewidths=0.5, zorder=0))
    step = 30 if extent[1] - extent[0] > 120 else 10
    for lon in range(-180, 181, step):
        axes.axvline(lon, color=RULE, linewidth=0.4, zorder=0.5, alpha=0.6)
    for lat in range(-60, 90, step):
        axes.axhline(lat, color=RULE, linewidth=0.4, zorder=0.5, alpha=0.6)


def _fibres(axes: Axes, topology: Topology, run: Run, struck: frozenset[str]) -> None:
    demand: dict[str, float] = {}
    if run.stories:
        demand = demand_by_link(run.stories[0].paths(), run.stories[0].demand)
    most = max(demand.values(), default=0.0) or 1.0
    for link in sorted(topology.links, key=lambda one: one.name in struck):
        hit = link.name in struck
        width = 0.7 + 3.2 * demand.get(link.name, 0.0) / most
        for piece in great_circle(topology.pop(link.a), topology.pop(link.b)):
            axes.plot(piece[:, 0], piece[:, 1], color=FAULT if hit else LINE, linewidth=width + 0.6 * hit,
                      linestyle=(0, (2.2, 1.2)) if hit else "-", alpha=1.0 if hit else 0.62, zorder=2 + hit,
                      solid_capstyle="round")  # fmt: skip


def _pops(axes: Axes, topology: Topology, extent: Box) -> None:
    most = max(pop.population for pop in topology.pops) or 1.0
    named = sorted(topology.pops, key=lambda pop: (pop.name != topology.brain, -pop.population))[:LABELLED]
    for pop in topology.pops:
        brain = pop.name == topology.brain
        size = 26 + 130 * math.sqrt(pop.population / most)
        axes.scatter(
            pop.lon, pop.lat, s=size, color=BRAIN if brain else INK, edgecolors=PAPER, linewidths=1.1, zorder=5
        )
        if brain:
            axes.scatter(pop.lon, pop.lat, s=size * 2.6, facecolors="none", edgecolors=BRAIN, linewidths=1.2, zorder=5)
    for pop, (dx, dy, side) in _placed(named, topology, extent):
        axes.annotate(_name(pop, len(topology.pops)), (pop.lon, pop.lat), (dx, dy), textcoords="offset points", ha=side,
                      va="center", fontsize=8.5, color=INK, zorder=6, path_effects=_halo())  # fmt: skip


def _name(pop: Pop, count: int) -> str:
    return f"{pop.city}" if count > 20 or pop.city.lower() == pop.name else f"{pop.city} ({pop.name})"


def _halo() -> Sequence[Any]:
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2.6, foreground=PAPER)]


Offset = tuple[float, float, str]
_OFFSETS: tuple[Offset, ...] = ((9, 0, "left"), (-9, 0, "right"), (0, 12, "center"), (0, -12, "center"),
                                (8, 9, "left"), (-8, 9, "right"), (8, -9, "left"), (-8, -9, "right"))  # fmt: skip


def _placed(pops: Sequence[Pop], topology: Topology, extent: Box) -> Iterator[tuple[Pop, Offset]]:
    """For each label the place that hides least: labels so far, PoPs and the edge of the map count."""
    per_point = (extent[1] - extent[0]) / (WIDTH * 72)
    taken: list[Box] = []
    ways = [great_circle(topology.pop(link.a), topology.pop(link.b), 24) for link in topology.links]
    fibres = np.vstack([piece for pieces in ways for piece in pieces]) if ways else np.zeros((0, 2))
    dots = np.array([(pop.lon, pop.lat) for pop in topology.pops])
    for pop in pops:
        width = 4.6 * len(_name(pop, len(topology.pops))) * per_point
        places = [(offset, _label_box(pop, offset, width, per_point)) for offset in _OFFSETS]
        costs = [_cost(area, taken, fibres, dots, extent, per_point) for _, area in places]
        offset, area = places[costs.index(min(costs))]
        taken.append(area)
        yield pop, offset


def _label_box(pop: Pop, offset: Offset, width: float, per_point: float) -> Box:
    x, y, half = pop.lon + offset[0] * per_point, pop.lat + offset[1] * per_point, 5.5 * per_point
    west = x - {"left": 0.0, "right": width, "center": width / 2}[offset[2]]
    return (west, west + width, y - half, y + half)


def _cost(area: Box, taken: Sequence[Box], fibres: Floats, dots: Floats, extent: Box, per_point: float) -> float:
    covered = sum(_overlap(area, other) for other in taken)
    outside = max(0.0, extent[0] - area[0]) + max(0.0, area[1] - extent[1])
    margin = 4 * per_point
    grown = (area[0] - margin, area[1] + margin, area[2] - margin, area[3] + margin)
    crossed, hidden = _inside(fibres, area), _inside(dots, grown) - 1  # its own dot is always near
    return 10 * covered + 1e3 * outside + per_point**2 * (4.0 * crossed + 600.0 * hidden)


def _inside(points: Floats, area: Box) -> int:
    across = (points[:, 0] > area[0]) & (points[:, 0] < area[1])
    return int((across & (points[:, 1] > area[2]) & (points[:, 1] < area[3])).sum())


def _overlap(a: Box, b: Box) -> float:
    return max(0.0, min(a[1], b[1]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[2], b[2]))


def _legend(axes: Axes, topology: Topology, struck: frozenset[str]) -> None:
    from matplotlib.lines import Line2D

    dot = {"linestyle": "none", "marker": "o", "markeredgecolor": PAPER}
    entries = [
        Line2D([], [], color=INK, markersize=7, label="PoP, sized by population", **dot),  # type: ignore[arg-type]
        Line2D([], [], color=BRAIN, markersize=8, label=f"brain ({topology.brain})", **dot),  # type: ignore[arg-type]
        Line2D([], [], color=LINE, linewidth=2.2, label="fibre, width by demand"),
    ]
    if struck:
        entries.append(
            Line2D([], [], color=FAULT, linewidth=2.4, linestyle=(0, (2.2, 1.2)), label=", ".join(sorted(struck)[:3]))
        )
    box = axes.legend(
        handles=entries,
        loc=_emptiest(axes, topology),
        fontsize=8,
        frameon=True,
        framealpha=0.9,
        edgecolor=RULE,
        borderpad=0.8,
    )
    for text in box.get_texts():
        text.set_color(QUIET)


def _emptiest(axes: Axes, topology: Topology) -> str:
    """The corner with the fewest PoPs near it; the lower left where it does not matter."""
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    places = [((pop.lon - west) / (east - west), (pop.lat - south) / (north - south)) for pop in topology.pops]
    corners = {"lower left": (0, 0), "lower right": (1, 0), "upper left": (0, 1), "upper right": (1, 1)}
    near = {
        name: sum(abs(x - right) < 0.26 and abs(y - top) < 0.26 for x, y in places)
        for name, (right, top) in corners.items()
    }
    return min(near, key=lambda name: near[name])
