"""The report: written from a folder, offline, escaping what others wrote; numbers in words."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import synthetic_run
from synthetic_run import Recipe, diamond

from experiments.judging import folder
from experiments.judging.judge import judge
from experiments.report import MAP, REPORT, TIMELINE, map, timeline, words, write_all
from topology.load import load

POLICIES = ("soft-state", "fail-static", "fast-reroute")
RECIPE = Recipe("fail-static", diamond(), "b-d", fine_pairs=(("b", "d"), ("d", "b")))
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = synthetic_run.write(tmp_path_factory.mktemp("run"), RECIPE, POLICIES)
    write_all(path, judge(path))
    return path


class Page(HTMLParser):
    """Everything that a browser would fetch, and whether the tags close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [str(value) for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in ("meta", "br", "img", "link", "path", "use"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "use"):
            assert self.open.pop() == tag


def test_the_page_is_one_file_that_fetches_nothing(run: Path) -> None:
    text = (run / REPORT).read_text()
    page = Page(text)
    assert page.open == []
    assert all(where.startswith(("#", "data:image/png;base64,")) for where in page.fetched)
    assert not re.search(r"https?://|<script|@import", text)
    assert not re.search(r"url\((?!#)", text)
    assert len(text) < 3_000_000


def test_the_ids_of_its_pictures_do_not_clash(run: Path) -> None:
    ids = re.findall(r' id="([^"]+)"', (run / REPORT).read_text())
    assert len(ids) == len(set(ids))


def test_the_page_says_what_is_needed(run: Path) -> None:
    text = (run / REPORT).read_text()
    for word in ("failstatic run control-plane-loss --seed 1", "0123abc", "failstatic report", *POLICIES,
                 "the cut is repaired locally", "repair_ms · cut-while-headless", "open vswitch 3.1.0", "b-d cut",
                 "probes lost on control pairs"):  # fmt: skip
        assert word in text


def test_the_pictures_are_there(run: Path) -> None:
    for name in (TIMELINE, MAP):
        assert (run / name).read_bytes().startswith(PNG)


def test_what_others_wrote_is_escaped(tmp_path: Path) -> None:
    path = synthetic_run.write(tmp_path, RECIPE, ("fail-static",))
    manifest = json.loads((path / "manifest.json").read_text())
    manifest["question"] = "<img src=x onerror=alert(1)>"
    manifest["spec"]["checks"][0]["name"] = "<b>bold</b>"
    (path / "manifest.json").write_text(json.dumps(manifest))
    write_all(path, judge(path))
    text = (path / REPORT).read_text()
    assert "<img src=x" not in text
    assert "<b>bold</b>" not in text


def test_a_run_that_measured_nothing_still_has_a_report(tmp_path: Path) -> None:
    path = synthetic_run.write(tmp_path, RECIPE, POLICIES)
    (path / "probes.parquet").unlink()
    (path / "journal.jsonl").write_text('{"policy": "fail-static", "t": -2.0, "event": "build", "step": "links"}\n')
    for file in write_all(path, judge(path)):
        assert file.stat().st_size > 0
    assert "the run was killed" in (path / REPORT).read_text()


def test_a_journal_without_lines_still_has_a_report(tmp_path: Path) -> None:
    path = synthetic_run.write(tmp_path, RECIPE, POLICIES)
    (path / "probes.parquet").unlink()
    (path / "journal.jsonl").write_text("")
    summary = judge(path)
    write_all(path, summary)
    assert summary["verdict"] == "unknown"


def test_the_lane_shows_darkness_where_the_far_end_saw_it(run: Path) -> None:
    story = folder.read(run).stories[1]
    times, down = timeline.pairs_down(story)
    assert down[times < synthetic_run.CUT_S - story.interval_s].max() == 0
    assert down.max() == 4
    assert down.sum() * story.interval_s == pytest.approx(4 * 8, abs=4 * 2 * story.interval_s)


def test_great_circles_do_not_cross_the_antimeridian() -> None:
    pops = {pop.name: pop for pop in load("edge12").pops}
    pieces = map.great_circle(pops["nrt"], pops["sjc"])
    assert len(pieces) == 2
    assert pieces[0][-1][0] == 180
    assert pieces[1][0][0] == -180
    for piece in pieces:
        assert np.abs(np.diff(piece[:, 0])).max() < 20
    assert len(map.great_circle(pops["lhr"], pops["iad"])) == 1
    assert map.great_circle(pops["lhr"], pops["lhr"]) == []


def test_the_map_holds_every_pop() -> None:
    for name in ("edge12", "europe18"):
        topology = load(name)
        west, east, south, north = map.box(topology)
        assert all(west < pop.lon < east and south < pop.lat < north for pop in topology.pops)


def test_the_coastline_says_where_it_comes_from() -> None:
    assert "Natural Earth" in json.loads(map.COASTLINE.read_text())["source"]


@pytest.mark.parametrize(
    ("metric", "value", "error", "text"),
    [
        ("outage_p50_ms", 8050, 50, "8.05 s ± 0.05"),
        ("outage_p50_ms", 50, 50, "50 ms ± 50"),
        ("repair_ms", 5.609, 2, "6 ms ± 2"),
        ("availability_pct", 92.776, 0, "92.8 %"),
        ("availability_pct", 100, 0, "100 %"),
        ("probes_lost", 10620, 0, "10 620"),
        ("probes_lost", 0, 3, "0 ± 3"),
        ("blackhole_pair_s", 321.35, 0, "321 pair·s"),
        ("return_peak_mods_per_s", 84, 0, "84 /s"),
        ("latency_inflation_p95", 2.15790, 0, "2.16"),
        ("probes_lost", None, 0, "–"),
        ("outage_max_ms", 0, 0, "0 ms"),
        ("stale_route_pct", 0.004, 0, "0.004 %"),
    ],
)
def test_numbers_in_words(metric: str, value: float | None, error: float, text: str) -> None:
    assert words.with_error(metric, value, error).replace(words.THIN, " ") == text


def test_bounds_in_words() -> None:
    assert words.bound("outage_max_ms", "≥ 7500").replace(words.THIN, " ") == "≥ 7.5 s"
    assert words.bound("repair_ms", "≤ 10").replace(words.THIN, " ") == "≤ 10 ms"
