"""A run folder → summary.json, junit.xml, probes.parquet; the same again from the folder alone."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import synthetic_run
from synthetic_run import Recipe, diamond

from experiments.judging import samples
from experiments.judging.judge import judge, junit
from experiments.judging.story import events
from experiments.report.columns import grid
from topology.errors import InputError

POLICIES = ("soft-state", "fail-static", "fast-reroute")
RECIPE = Recipe("fail-static", diamond(), "b-d", fine_pairs=(("b", "d"), ("d", "b")))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Judged once; not to be changed."""
    path = synthetic_run.write(tmp_path_factory.mktemp("run"), RECIPE, POLICIES)
    judge(path)
    return path


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    return synthetic_run.write(tmp_path, RECIPE, POLICIES)


def change_journal(run: Path, old: str, new: str) -> None:
    path = run / "journal.jsonl"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_summary_is_what_users_script_against(run: Path) -> None:
    summary = json.loads((run / "summary.json").read_text())
    wanted = {"experiment", "seed", "topology", "backend", "verdict", "fidelity", "policies"}
    assert wanted <= set(summary)
    assert summary["verdict"] == "pass"
    assert summary["fidelity"]["trusted"] is True
    assert list(summary["policies"]) == list(POLICIES)
    policy = summary["policies"]["fast-reroute"]
    assert {"verdict", "checks", "phases", "metrics"} <= set(policy)
    assert policy["phases"]["headless"]["probes_lost"] == 0
    assert policy["phases"]["cut-while-headless"]["repair_ms"] == pytest.approx(5, abs=2)
    assert policy["errors"]["phases"]["cut-while-headless"]["repair_ms"] == 2
    for check in policy["checks"]:
        assert {"name", "verdict", "value", "bound", "why"} <= set(check)


def test_a_new_kind_of_fault_is_judged_whatever_its_name(run: Path, fresh: Path) -> None:
    names = {"link.cut": "earth.backhoe", "link.heal": "earth.splice", "brain.kill": "sky.bolt", "brain.return": "dawn"}
    for old, new in names.items():
        change_journal(fresh, f'"fault": "{old}"', f'"fault": "{new}"')
    found, wanted = judge(fresh), json.loads((run / "summary.json").read_text())
    for policy in POLICIES:
        for part in ("phases", "checks", "metrics", "notes"):
            assert found["policies"][policy][part] == wanted["policies"][policy][part]
    assert [column.head for column in grid(found).columns] == [
        tuple(word.replace("kill", "bolt").replace("cut", "backhoe") for word in column.head)
        for column in grid(wanted).columns
    ]


def test_a_journal_from_before_kinds_were_told_is_judged_alike(run: Path, fresh: Path) -> None:
    told = [json.loads(line) for line in (fresh / "journal.jsonl").read_text().splitlines()]
    for line in told:
        for name in ("aims_at", "severs", "restores"):
            line.pop(name, None)
    (fresh / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in told))
    judge(fresh)
    assert (fresh / "summary.json").read_text() == (run / "summary.json").read_text()


def test_the_slo_grades_the_design_apart_from_the_verdict(run: Path) -> None:
    policies = json.loads((run / "summary.json").read_text())["policies"]
    assert {name: policy["slo"]["grade"] for name, policy in policies.items()} == {
        "soft-state": "missed", "fail-static": "missed", "fast-reroute": "met",
    }  # fmt: skip
    assert {policy["verdict"] for policy in policies.values()} == {"pass"}


def test_judging_again_gives_the_same(run: Path) -> None:
    before = (run / "summary.json").read_bytes()
    judge(run)
    assert (run / "summary.json").read_bytes() == before


def test_what_the_probers_streamed_is_judged_alike_and_becomes_parquet(run: Path, tmp_path: Path) -> None:
    streamed = synthetic_run.write(tmp_path, RECIPE, POLICIES, streamed=True)
    summary = judge(streamed)
    assert not list(streamed.glob("*.bin"))
    one, other = samples.read_parquet(run / samples.PARQUET), samples.read_parquet(streamed / samples.PARQUET)
    for policy in POLICIES:
        np.testing.assert_allclose(one[policy].recv_s, other[policy].recv_s, atol=1e-6)
        np.testing.assert_array_equal(one[policy].pair, other[policy].pair)
        np.testing.assert_array_equal(one[policy].fine, other[policy].fine)
    assert (
        summary["policies"]["fail-static"]["phases"]
        == json.loads((run / "summary.json").read_text())["policies"]["fail-static"]["phases"]
    )


def test_the_parquet_has_the_columns_of_the_contract(run: Path) -> None:
    import polars

    frame = polars.read_parquet(run / samples.PARQUET)
    assert frame.columns == ["policy", "src", "dst", "seq", "fine", "due_s", "sent_s", "recv_s"]
    assert frame["recv_s"].null_count() > 0
    assert frame["recv_s"].is_nan().sum() == 0


def test_a_trusted_failure_is_a_failure(fresh: Path) -> None:
    manifest = json.loads((fresh / "manifest.json").read_text())
    manifest["spec"]["checks"] = [{"metric": "outage_max_ms", "max": 1000, "policies": ["fail-static"]}]
    (fresh / "manifest.json").write_text(json.dumps(manifest))
    summary = judge(fresh)
    assert summary["verdict"] == "fail"
    assert {name: policy["verdict"] for name, policy in summary["policies"].items()}["fail-static"] == "fail"


def test_distrust_is_never_pass_or_fail(fresh: Path) -> None:
    change_journal(fresh, '"idle_pct": 38.0, "foreign_pct": 3.0', '"idle_pct": 0.0, "foreign_pct": 50.0')
    summary = judge(fresh)
    assert summary["verdict"] == "unknown"
    assert {check["verdict"] for policy in summary["policies"].values() for check in policy["checks"]} == {"unknown"}
    assert "others took the processors" in summary["fidelity"]["reasons"]["fail-static"][0]


def test_a_fault_that_did_not_happen_is_unknown(fresh: Path) -> None:
    change_journal(fresh, '"held": true', '"held": false')
    summary = judge(fresh)
    verdicts = {check["name"]: check["verdict"] for check in summary["policies"]["fail-static"]["checks"]}
    assert verdicts["nothing is lost before the first fault"] == "pass"
    assert verdicts["the kill alone loses nothing"] == "unknown"
    assert summary["verdict"] == "unknown"


def test_a_fault_that_no_check_looks_at_must_be_shown_all_the_same(fresh: Path) -> None:
    manifest = json.loads((fresh / "manifest.json").read_text())
    manifest["spec"]["checks"] = [{"metric": "probes_lost", "phase": "steady", "max": 0}]
    (fresh / "manifest.json").write_text(json.dumps(manifest))
    assert judge(fresh)["verdict"] == "pass"
    change_journal(fresh, '"event": "proof", "fault": "link.heal"', '"event": "rumour", "fault": "link.heal"')
    summary = judge(fresh)
    assert summary["verdict"] == "unknown"
    assert {check["verdict"] for check in summary["policies"]["fail-static"]["checks"]} == {"pass"}
    assert not summary["fidelity"]["policies"]["fail-static"]["trusted"]
    assert "there is no proof that link.heal" in summary["fidelity"]["reasons"]["fail-static"][0]
    suite = ElementTree.fromstring(junit(summary)).find("testsuite[@name='fail-static']")
    assert suite is not None
    assert (suite.get("tests"), suite.get("skipped"), suite.get("failures")) == ("2", "1", "0")


def test_junit_is_red_for_failures_only(fresh: Path) -> None:
    manifest = json.loads((fresh / "manifest.json").read_text())
    manifest["spec"]["checks"] = [
        {"metric": "outage_max_ms", "max": 1000},
        {"metric": "repair_ms", "phase": "cut-while-headless", "max": 5, "policies": ["fast-reroute"]},
    ]
    (fresh / "manifest.json").write_text(json.dumps(manifest))
    judge(fresh)
    root = ElementTree.parse(fresh / "junit.xml").getroot()
    counts = {suite.get("name"): (suite.get("tests"), suite.get("failures"), suite.get("skipped")) for suite in root}
    assert counts["fail-static"] == ("1", "1", "0")
    assert counts["fast-reroute"] == ("2", "0", "1")
    skipped = root.find(".//skipped")
    assert skipped is not None
    assert "within the error" in str(skipped.get("message"))


def test_a_killed_run_is_judged_by_what_it_left(tmp_path: Path) -> None:
    run = synthetic_run.write(tmp_path, RECIPE, POLICIES, streamed=True)
    lines = (run / "journal.jsonl").read_text().splitlines()
    kept = [line for line in lines if '"soft-state"' in line and json.loads(line)["t"] < 9]
    (run / "journal.jsonl").write_text("\n".join(kept) + '\n{"policy": "soft-st')
    for policy in ("fail-static", "fast-reroute"):
        (run / f"probes.{policy}.bin").unlink()
    raw = (run / "probes.soft-state.bin").read_bytes()
    (run / "probes.soft-state.bin").write_bytes(raw[: len(raw) // 3])
    summary = judge(run)
    assert summary["verdict"] == "unknown"
    assert summary["policies"]["soft-state"]["outcome"] == "cut short"
    assert summary["fidelity"]["reasons"]["fast-reroute"] == ["this policy was not run"]
    assert (run / "probes.soft-state.bin").exists()  # whoever writes it may not be done


def test_a_build_that_failed_leaves_an_unknown(tmp_path: Path) -> None:
    run = synthetic_run.write(tmp_path, RECIPE, POLICIES)
    (run / samples.PARQUET).unlink()
    end = {"policy": "soft-state", "t": -3.0, "event": "end", "outcome": "error", "error": "the brain died at start"}
    (run / "journal.jsonl").write_text(json.dumps(end) + "\n")
    summary = judge(run)
    assert summary["verdict"] == "unknown"
    assert "the brain died at start" in summary["fidelity"]["reasons"]["soft-state"][0]


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("manifest.json", None, "cannot read the manifest"),
        ("manifest.json", "{", "not JSON"),
        ("manifest.json", "[]", "not a JSON object"),
        ("manifest.json", "{}", "no topology"),
        ("journal.jsonl", None, "journal"),
        ("journal.jsonl", "hello\n", "not a journal"),
        ("probes.parquet", "hello", "cannot read the probes"),
        ("probes.fail-static.bin", "hello", "cannot read the probes"),
    ],
)
def test_a_folder_that_is_no_run(fresh: Path, name: str, content: str | None, word: str) -> None:
    if content is None:
        (fresh / name).unlink()
    else:
        (fresh / name).write_text(content)
    with pytest.raises(InputError) as caught:
        judge(fresh)
    assert word in str(caught.value)
    assert str(fresh) in str(caught.value)


def test_a_flap_owes_a_proof_of_its_first_and_its_last_blow_only() -> None:
    kill = {"action": "inject", "fault": "brain.kill", "target": "brain"}
    fault, proof = {**kill, "event": "fault"}, {**kill, "event": "proof", "held": True, "evidence": {}}
    middle, last = {**fault, "t": 2.0, "asked": False}, {**fault, "t": 3.0, "asked": True}
    told = [{**fault, "t": 1.0, "asked": True}, {**proof, "t": 1.1}, middle, last, {**proof, "t": 3.1}]
    assert [event.held for event in events(told, diamond())] == [True, None, True]
