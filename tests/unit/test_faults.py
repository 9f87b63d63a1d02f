"""Each fault over the fake lab: it happens, proves itself twice, is undone, and bears being called twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest
from fake_run import ring

from experiments.faults import FAULTS, Fault, Undo
from experiments.faults.kind import Evidence, Fact, Seen, wires
from experiments.faults.registry import Registry
from experiments.lab import LinkShape
from experiments.labs.fake import FakeLab
from topology.errors import InputError, LabError

LINK = "a-b"
BREAKING = (
    "brain.kill",
    "brain.poweroff",
    "brain.hang",
    "control.cut",
    "control.silent",
    "link.cut",
    "link.one-way",
    "link.silent",
    "pop.down",
    "switch.crash",
)
ENDS = {"brain": "brain.return", "control": "control.heal", "link": "link.heal", "pop": "pop.return"}
ENDS["switch"] = "switch.return"


def _target(kind: str) -> str:
    targets = {"brain": "brain", "control": "control:b", "link": LINK, "pop": "b", "switch": "b"}
    return targets[kind.partition(".")[0]]


def _started() -> FakeLab:
    lab = FakeLab(ring())
    lab.wait_until(1.0)
    return lab


@pytest.mark.parametrize("kind", BREAKING)
def test_a_fault_happens_and_is_proven_by_two_facts(kind: str) -> None:
    lab = _started()
    fault = FAULTS.make(kind, _target(kind))
    fault.inject(lab)
    evidence = fault.proof(lab)
    assert evidence.held
    assert len(evidence.facts) >= 2


@pytest.mark.parametrize("kind", BREAKING)
def test_without_the_fault_its_proof_does_not_hold(kind: str) -> None:
    assert not FAULTS.make(kind, _target(kind)).proof(_started()).held


@pytest.mark.parametrize("kind", BREAKING)
def test_everything_may_be_called_twice_and_healing_restores(kind: str) -> None:
    lab = _started()
    fault = FAULTS.make(kind, _target(kind))
    for step in (fault.inject, fault.inject, fault.heal, fault.heal):
        step(lab)
    assert lab.brain.state() == "running"
    assert all(all(link.carrier()) for link in (*lab.links.values(), *lab.control.values()))
    assert all(switch.running() for switch in lab.switches.values())
    assert FAULTS.make(ENDS[kind.partition(".")[0]], _target(kind)).proof(lab).held


def test_a_power_failure_silences_the_control_channels_before_it_kills() -> None:
    lab = _started()
    FAULTS.make("brain.poweroff", "brain").inject(lab)
    assert lab.calls == [*(f"control:{pop}.silence" for pop in lab.topology.names), "brain.kill"]


@pytest.mark.parametrize(("kind", "deaf"), [("brain.kill", "brain.kill"), ("brain.hang", "brain.pause")])
def test_a_brain_that_survives_is_told_by_the_proof(kind: str, deaf: str) -> None:
    lab = FakeLab(ring(), deaf=[deaf])
    fault = FAULTS.make(kind, "brain")
    fault.inject(lab)
    evidence = fault.proof(lab)
    assert not evidence.held
    assert evidence.values["process"] == "running"


def test_a_brain_that_computes_is_not_hung_whatever_the_process_table_says() -> None:
    lab = FakeLab(ring())
    fault = FAULTS.make("brain.hang", "brain")
    fault.inject(lab)
    assert fault.proof(lab).values == {"process": "stopped", "cpu_ms_in_300_ms": 0.0, "switches_connected": 4}
    lab.brain.cpu_s = lab.now_s  # type: ignore[method-assign]
    evidence = fault.proof(lab)
    assert evidence.values["cpu_ms_in_300_ms"] == 300
    assert not evidence.held


def test_one_fact_is_no_proof() -> None:
    assert not Evidence((Fact("process", "gone", True),)).held
    assert not Evidence(()).held
    assert Evidence((Fact("process", "gone", True), Fact("switches_connected", 0, True))).held


class MeasuringLab(FakeLab):
    """Measures what the fake link does; ``off_ms`` is how wrong."""

    off_ms = 0.0

    def measure_links(self, targets: Sequence[str]) -> Mapping[str, Mapping[str, Seen]]:
        return {target: dict.fromkeys(("ab", "ba"), self._seen(shape)) for target, shape in self._shapes(targets)}

    def _shapes(self, targets: Sequence[str]) -> Iterator[tuple[str, LinkShape]]:
        return zip(targets, (link.running for link in wires(self, targets)), strict=True)  # type: ignore[attr-defined]

    def _seen(self, shape: LinkShape) -> Seen:
        return Seen(shape.delay_ms + self.off_ms, shape.rate_bps, shape.loss)


def test_a_degraded_link_is_measured_both_ways() -> None:
    lab = MeasuringLab(ring())
    before = lab.links[LINK].shape
    fault = FAULTS.make("link.degrade", LINK, extra_delay=0.02, loss=0.05, rate=0.5)
    fault.inject(lab)
    running = lab.links[LINK].running  # type: ignore[attr-defined]
    assert (running.delay_ms, running.loss) == (before.delay_ms + 20, 0.05)
    assert running.rate_bps == before.rate_bps / 2
    assert fault.proof(lab).held
    lab.off_ms = 5.0
    assert not fault.proof(lab).held


def test_a_lab_that_cannot_measure_proves_no_degradation() -> None:
    fault = FAULTS.make("link.degrade", LINK, loss=0.05)
    assert not fault.proof(FakeLab(ring())).held


class FakeCrowd:
    """Busy processes that get a tenth of a processor each."""

    def __init__(self, lab: FakeLab) -> None:
        self.lab, self.busy, self.used_s, self.since_s = lab, 0, 0.0, lab.now_s()

    def start(self, per_core: int) -> None:
        self.cpu_s()
        self.busy = per_core

    def end(self) -> None:
        self.cpu_s()
        self.busy = 0

    def count(self) -> int:
        return self.busy

    def cpu_s(self) -> float:
        now_s = self.lab.now_s()
        self.used_s, self.since_s = self.used_s + 0.1 * self.busy * (now_s - self.since_s), now_s
        return self.used_s


def test_a_busy_machine_is_shown_by_processes_and_by_what_they_take() -> None:
    lab = _started()
    lab.crowd = FakeCrowd(lab)  # type: ignore[attr-defined]
    hog, calm = FAULTS.make("machine.hog", "machine", per_core=3), FAULTS.make("machine.calm", "machine")
    assert not hog.proof(lab).held
    hog.inject(lab)
    assert hog.proof(lab).values == {"busy_processes": 3, "cpu_ms_in_300_ms": pytest.approx(90.0)}
    assert not calm.proof(lab).held
    calm.inject(lab)
    assert calm.proof(lab).held
    assert calm.undoes(hog)  # type: ignore[attr-defined]


def test_a_lab_without_a_machine_says_so() -> None:
    with pytest.raises(LabError, match="no machine"):
        FAULTS.make("machine.hog", "machine").inject(FakeLab(ring()))


@pytest.mark.parametrize("settings", [{}, {"loss": 0.0}, {"rate": 1.0, "extra_delay": 0.0}])
def test_a_degradation_that_changes_nothing_cannot_be_made(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="changes nothing"):
        FAULTS.make("link.degrade", LINK, **settings)


def test_heal_undoes_its_own_link_only_and_return_every_fault_of_the_brain() -> None:
    heal, back = FAULTS.make("link.heal", LINK), FAULTS.make("brain.return", "brain")
    assert isinstance(heal, Undo)
    assert isinstance(back, Undo)
    assert heal.undoes(FAULTS.make("link.cut", LINK))
    assert not heal.undoes(FAULTS.make("link.cut", "b-c"))
    assert not heal.undoes(FAULTS.make("brain.kill", "brain"))
    assert all(back.undoes(FAULTS.make(kind, "brain")) for kind in BREAKING if kind.startswith("brain"))


def test_a_control_channel_can_be_cut() -> None:
    lab = _started()
    fault: Fault = FAULTS.make("link.cut", "control:c")
    fault.inject(lab)
    assert lab.calls == ["control:c.cut"]
    assert fault.proof(lab).held


def test_all_links_of_a_set_are_cut_and_a_heal_of_one_leaves_the_others() -> None:
    lab = _started()
    fault, heal = FAULTS.make("link.cut", "a-b", "c-d"), FAULTS.make("link.heal", "c-d")
    fault.inject(lab)
    assert fault.proof(lab).values["carrier"] == "0 of 4 ends"
    heal.inject(lab)
    assert not heal.undoes(fault)  # type: ignore[attr-defined]
    assert [any(lab.links[name].carrier()) for name in ("a-b", "c-d")] == [False, True]
    assert not fault.proof(lab).held


def test_a_fibre_that_fails_one_way_is_heard_the_other() -> None:
    lab = _started()
    fault = FAULTS.make("link.one-way", LINK, reverse=True)
    fault.inject(lab)
    (ab, ba) = lab.links[LINK].frames()
    assert fault.proof(lab).held
    assert lab.links[LINK].frames()[0] > ab
    assert lab.links[LINK].frames()[1] == ba


def test_a_dark_pop_lights_no_link_to_another_dark_one() -> None:
    lab = _started()
    FAULTS.make("pop.down", "a", "b").inject(lab)
    back = FAULTS.make("pop.return", "a")
    back.inject(lab)
    assert back.proof(lab).held
    assert [any(lab.links[name].carrier()) for name in ("d-a", "a-b", "b-c")] == [True, False, False]
    FAULTS.make("pop.return", "b").inject(lab)
    assert all(all(link.carrier()) for link in lab.links.values())


def test_a_switch_that_survives_its_crash_is_told_by_the_proof() -> None:
    lab = FakeLab(ring(), deaf=["b.crash"])
    lab.wait_until(1.0)
    fault = FAULTS.make("switch.crash", "b")
    fault.inject(lab)
    assert not fault.proof(lab).held


def test_an_overload_narrows_every_link_of_the_pop_and_no_other() -> None:
    lab = MeasuringLab(ring())
    fault = FAULTS.make("pop.overload", "b", rate=0.2)
    fault.inject(lab)
    shares = {name: link.running.rate_bps / link.shape.rate_bps for name, link in lab.links.items()}  # type: ignore[attr-defined]
    assert shares == {"a-b": 0.2, "b-c": 0.2, "c-d": 1.0, "d-a": 1.0}
    assert fault.proof(lab).held


def test_the_registry_refuses_duplicates_and_lists_the_known() -> None:
    registry = Registry()
    registry.register(FAULTS["link.cut"])
    with pytest.raises(ValueError, match=r"'link\.cut' exists already"):
        registry.register(FAULTS["link.cut"])
    with pytest.raises(InputError, match=r"did you mean 'link\.cut'\? Known: link\.cut"):
        registry["link.cutt"]


def test_a_restart_is_seen_between_the_two_lives() -> None:
    lab = _started()
    fault = FAULTS.make("brain.restart", "brain", state="wipe")
    fault.inject(lab)
    evidence = fault.proof(lab)
    assert evidence.held
    assert list(evidence.values.items())[:2] == [("process_between", "gone"), ("switches_connected_between", 0)]
    assert lab.calls == ["brain.kill", "brain.returns_as wipe", "brain.start"]


def test_a_brain_that_survives_its_restart_is_told_by_the_proof() -> None:
    lab = FakeLab(ring(), deaf=["brain.kill"])
    fault = FAULTS.make("brain.restart", "brain")
    fault.inject(lab)
    assert not fault.proof(lab).held


def test_a_brain_flaps_as_links_do() -> None:
    flap = FAULTS.make("brain.flap", "brain", every=2.0, lasting=4.0)
    beats = [(beat.at_s, beat.fault, beat.proven) for beat in flap.beats(1.0, "1")]  # type: ignore[attr-defined]
    assert beats == [
        (1.0, "brain.kill", True),
        (2.0, "brain.return", False),
        (3.0, "brain.kill", False),
        (4.0, "brain.return", True),
    ]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [("share", "0 %", "brain.hang does that"), ("share", "60 %", "at most 50%"), ("period", "50 ms", "too short")],
)
def test_a_slowness_that_is_none_is_refused(name: str, text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        FAULTS["brain.slow"].settings[name](text)


def test_a_lab_that_cannot_slow_its_brain_proves_no_slowness() -> None:
    fault = FAULTS.make("brain.slow", "brain")
    fault.inject(_started())
    assert not fault.proof(_started()).held
