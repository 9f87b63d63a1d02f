"""Each fault over the fake lab: it happens, proves itself twice, is undone, and bears being called twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_run import ring

from experiments.faults import FAULTS, Fault, Undo
from experiments.faults.kind import Evidence, Fact
from experiments.faults.registry import Registry
from experiments.lab import Seen
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


class WrongLab(FakeLab):
    """Measures what the fake link does, and ``off_ms`` beside it."""

    off_ms = 0.0

    def _seen(self, target: str, frames: int) -> Seen:
        found = super()._seen(target, frames)
        return replace(found, delay_ms=found.delay_ms + self.off_ms)


def test_a_degraded_link_is_measured_both_ways() -> None:
    lab = WrongLab(ring())
    before = lab.links[LINK].shape
    fault = FAULTS.make("link.degrade", LINK, extra_delay=0.02, loss=0.05, rate=0.5)
    fault.inject(lab)
    running = lab.links[LINK].running  # type: ignore[attr-defined]
    assert (running.delay_ms, running.loss) == (before.delay_ms + 20, 0.05)
    assert running.rate_bps == before.rate_bps / 2
    assert fault.proof(lab).held
    lab.off_ms = 5.0
    assert not fault.proof(lab).held


SMALLEST = {"extra_delay": "2 ms", "loss": "0.5 %", "rate": "70 %"}
TOO_LITTLE = {"extra_delay": "1 ms", "loss": "0.1 %", "rate": "90 %"}


@pytest.mark.parametrize("kind", ["link.degrade", "control.degrade", "pop.overload"])
@pytest.mark.parametrize("name", sorted(SMALLEST))
def test_the_smallest_degradation_is_told_from_none(kind: str, name: str) -> None:
    read = FAULTS[kind].settings[name]
    unlike = {"rate": 1.0} if kind == "pop.overload" and name != "rate" else {}
    fault = FAULTS.make(kind, _target(kind), **{**unlike, name: read(SMALLEST[name])})
    assert not fault.proof(_started()).held
    lab = _started()
    fault.inject(lab)
    assert fault.proof(lab).held


@pytest.mark.parametrize("loss", [0.005, 0.01, 0.2])
@pytest.mark.parametrize("count", [2, 4])
def test_a_link_that_was_missed_among_several_is_told(loss: float, count: int) -> None:
    lab = FakeLab(ring("abcdef"))
    names = list(lab.links)[:count]
    fault = FAULTS.make("link.degrade", *names, loss=loss)
    fault.inject(lab)
    assert fault.proof(lab).held
    lab.links[names[-1]].heal()
    assert not fault.proof(lab).held


@pytest.mark.parametrize("name", sorted(TOO_LITTLE))
def test_a_degradation_that_could_not_be_shown_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"too little to be shown|cannot be told"):
        FAULTS["link.degrade"].settings[name](TOO_LITTLE[name])


@pytest.mark.parametrize("kind", ["control.silent", "link.silent", "link.one-way"])
def test_quiet_is_not_silent(kind: str) -> None:
    """Nobody has sent anything since the fault was meant to come: only frames of one's own tell."""
    lab = _started()
    fault = FAULTS.make(kind, _target(kind))
    for link in (*lab.links.values(), *lab.control.values()):
        link.senders[:] = [False, False]  # type: ignore[attr-defined]
    fault.before = 50  # type: ignore[attr-defined]
    assert not fault.proof(lab).held


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
    assert calm.leaves(hog) == ()  # type: ignore[attr-defined]


def test_a_lab_without_a_machine_says_so() -> None:
    with pytest.raises(LabError, match="no machine"):
        FAULTS.make("machine.hog", "machine").inject(FakeLab(ring()))


@pytest.mark.parametrize("settings", [{}, {"loss": 0.0}, {"rate": 1.0, "extra_delay": 0.0}])
def test_a_degradation_that_changes_nothing_cannot_be_made(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="changes nothing"):
        FAULTS.make("link.degrade", LINK, **settings)


@pytest.mark.parametrize("kind", ["link.heal", "control.heal"])
def test_a_heal_that_does_nothing_is_told_by_its_proof(kind: str) -> None:
    lab = _started()
    FAULTS.make(kind.replace("heal", "silent"), _target(kind)).inject(lab)
    assert not FAULTS.make(kind, _target(kind)).proof(lab).held


def test_heal_undoes_its_own_link_only_and_return_every_fault_of_the_brain() -> None:
    heal, back = FAULTS.make("link.heal", LINK), FAULTS.make("brain.return", "brain")
    assert isinstance(heal, Undo)
    assert isinstance(back, Undo)
    assert heal.leaves(FAULTS.make("link.cut", LINK, "b-c")) == ("b-c",)
    assert heal.leaves(FAULTS.make("link.cut", "b-c")) == ("b-c",)
    assert heal.leaves(FAULTS.make("brain.kill", "brain")) == ("brain",)
    assert not any(back.leaves(FAULTS.make(kind, "brain")) for kind in BREAKING if kind.startswith("brain"))


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
    assert heal.leaves(fault) == ("a-b",)  # type: ignore[attr-defined]
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


def test_a_power_failure_is_told_from_a_kill() -> None:
    """Were the channels to go on carrying, the kernel's FIN would tell every switch."""
    lab = FakeLab(ring())
    fault = FAULTS.make("brain.poweroff", "brain")
    fault.inject(lab)
    for channel in lab.control.values():
        channel.heal()
    lab.brain.kill()
    for channel in lab.control.values():
        channel.silence()
    assert [fact.held for fact in fault.proof(lab).facts] == [True, True, False]


@pytest.mark.parametrize("prior", ["control.cut", "control.silent"])
def test_a_channel_that_carried_nothing_anyway_makes_no_power_failure_of_a_kill(prior: str) -> None:
    """Its switch holds on to its connection after either."""
    lab = FakeLab(ring())
    FAULTS.make(prior, "control:b").inject(lab)
    if prior == "control.cut":
        lab.control["b"].silence()
    fault = FAULTS.make("brain.poweroff", "brain")
    fault.inject(lab)
    for pop in "acd":
        lab.control[pop].heal()
    lab.brain.kill()
    for pop in "acd":
        lab.control[pop].silence()
    assert [fact.held for fact in fault.proof(lab).facts] == [True, True, False]


def test_a_switch_that_survives_its_crash_is_told_by_the_proof() -> None:
    lab = FakeLab(ring(), deaf=["b.crash"])
    lab.wait_until(1.0)
    fault = FAULTS.make("switch.crash", "b")
    fault.inject(lab)
    assert not fault.proof(lab).held


def test_an_overload_narrows_every_link_of_the_pop_and_no_other() -> None:
    lab = FakeLab(ring())
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


def test_a_restart_is_a_kill_and_the_return_of_whom_it_struck() -> None:
    restart = FAULTS.make("brain.restart", "leader", down=2.0, state="wipe")
    kill, back = restart.beats(5.0, "1")  # type: ignore[attr-defined]
    assert (kill.at_s, kill.fault, kill.proven, kill.ends) == (5.0, "brain.kill", True, False)
    assert (back.at_s, back.fault, back.proven, back.ends) == (7.0, "brain.return", True, True)
    assert back.settings == {"state": "wipe"}


def test_a_brain_flaps_as_links_do() -> None:
    flap = FAULTS.make("brain.flap", "brain", every=2.0, lasting=4.0)
    beats = [(beat.at_s, beat.fault, beat.proven, beat.ends) for beat in flap.beats(1.0, "1")]  # type: ignore[attr-defined]
    assert beats == [
        (1.0, "brain.kill", True, False),
        (2.0, "brain.return", False, True),
        (3.0, "brain.kill", False, False),
        (4.0, "brain.return", True, True),
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
