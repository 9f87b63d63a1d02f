"""The sandbox for real: what is inside, and that nothing is left, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from topology.errors import InputError, LabError, MachineError
from topology.replica import preflight
from topology.replica.namespaces import CLONE_NEWNET, network_of, unshare
from topology.replica.sandbox import Inside, Sandbox

ROOT = Path(__file__).resolve().parents[2]
NAMESPACES = preflight.probe().ability("namespaces")
AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
pytestmark = pytest.mark.skipif(not NAMESPACES.ok, reason=f"{NAMESPACES.detail}: {NAMESPACES.remedy}")


def another_user_can() -> bool:
    """Become nobody, and read the interpreter and the checkout as nobody."""
    words = [*AS_NOBODY, sys.executable, "-B", "-c", "import topology"]
    return os.geteuid() == 0 and subprocess.run(words, cwd=ROOT, capture_output=True, check=False).returncode == 0


needs_another_user = pytest.mark.skipif(
    not another_user_can(),
    reason="becomes another user: run as root, in a checkout and with a Python that all may read",
)

LAUNCHER = """
import os, signal, subprocess, sys, time
from topology.replica.sandbox import Sandbox

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it would be ignored from birth

def main(inside):
    subprocess.Popen(["sleep", "300"])
    subprocess.Popen(["setsid", "--fork", "sleep", "301"])
    subprocess.Popen(["sh", "-c", "trap '' TERM INT HUP; sleep 302"])
    subprocess.Popen(["unshare", "--net", "--mount", "sleep", "303"])
    subprocess.run(["ip", "link", "add", "fs-left", "type", "veth", "peer", "name", "fs-right"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", "/mnt"], check=True)
    how = sys.argv[1]
    print("up", flush=True)
    os.write(ready[1], b"x")
    if how == "return": return 0
    if how == "raise": raise ValueError("in main")
    if how == "die": os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(300)

ready = os.pipe()
with Sandbox("test", main) as sandbox:
    os.read(ready[0], 1)
    if sys.argv[1] == "raise-outside": raise ValueError("in the launcher")
    sandbox.wait()
"""


def collect(main: Callable[[Inside], Any]) -> Any:
    """What main returns, carried out as JSON."""
    here, there = os.pipe()

    def tell(inside: Inside) -> int:
        os.write(there, json.dumps(main(inside)).encode())
        return 0

    try:
        assert Sandbox("test", tell).run() == 0
    finally:
        os.close(there)
    with os.fdopen(here) as stream:
        return json.load(stream)


def until(true: Callable[[], bool], within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def namespaces() -> dict[str, str]:
    return {kind: os.readlink(f"/proc/self/ns/{kind}") for kind in ("user", "mnt", "pid", "net", "ipc", "uts")}  # noqa: PTH115


def host_state() -> tuple[list[str], str]:
    """Interfaces and mounts."""
    interfaces = [line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]]
    return interfaces, Path("/proc/self/mountinfo").read_text()


def marked(mark: str) -> list[int]:
    """The processes whose environment has the mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark.encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
    return found


@pytest.fixture
def mark() -> Iterator[str]:
    text = f"FAILSTATIC_TEST={uuid.uuid4()}"
    yield text
    for pid in marked(text):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def launch(mark: str, how: str, *words: str) -> subprocess.Popen[str]:
    """The launcher above, up: its sandbox has processes, interfaces and a mount."""
    name, _, value = mark.partition("=")
    process = subprocess.Popen(
        [*words, sys.executable, "-B", "-c", LAUNCHER, how],
        cwd=ROOT,
        env={**os.environ, name: value},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n", process.communicate()[1]
    return process


# --- inside ---------------------------------------------------------------------------------


def test_six_namespaces_of_its_own() -> None:
    inside = collect(lambda _: namespaces())
    assert not set(inside.values()) & set(namespaces().values())


def test_run_is_empty_and_tmp_is_the_hosts(tmp_path: Path) -> None:
    def look(inside: Inside) -> Any:
        (tmp_path / "result").write_text("kept")
        return os.listdir("/run"), inside.rundir.is_dir(), os.environ["TMPDIR"]  # noqa: PTH208

    run, rundir, temporary = collect(look)
    assert run == ["failstatic"]
    assert rundir
    assert temporary.startswith("/run/failstatic/")
    assert (tmp_path / "result").read_text() == "kept"
    assert (tmp_path / "result").stat().st_uid == os.getuid()


def test_only_a_loopback_and_it_is_up() -> None:
    def look(_: Inside) -> Any:
        state = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
        return state, os.listdir("/sys/class/net")  # noqa: PTH208

    state, interfaces = collect(look)
    assert state.split()[0] == "lo"
    assert "UP" in state
    assert len(state.splitlines()) == len(interfaces) == 1


def test_pid_1_reaps_what_nobody_else_does() -> None:
    def look(_: Inside) -> Any:
        for _ in range(5):
            subprocess.run(["sh", "-c", "sh -c 'exit 3' & exit 0"], check=True)
        return until(lambda: len(list(Path("/proc").glob("[0-9]*"))) == 2)

    assert collect(look) is True


def test_a_network_can_be_visited_and_left() -> None:
    def look(_: Inside) -> Any:
        here, there = os.pipe()
        child = os.fork()
        if child == 0:
            unshare(CLONE_NEWNET)
            os.write(there, b"x")
            signal.pause()
        os.read(here, 1)
        before, child_net = namespaces()["net"], os.readlink(f"/proc/{child}/ns/net")  # noqa: PTH115
        with network_of(child):
            during = os.readlink("/proc/thread-self/ns/net")  # noqa: PTH115
        return [before != during, during == child_net, namespaces()["net"] == before]

    assert collect(look) == [True, True, True]


def test_priorities_are_raised_from_outside() -> None:
    def look(inside: Inside) -> Any:
        sleeper = subprocess.Popen(["sleep", "60"], start_new_session=True)
        fifo, kind = inside.lift(sleeper.pid), os.sched_getscheduler(sleeper.pid)
        nice, value = inside.lift(sleeper.pid, "run"), os.getpriority(os.PRIO_PROCESS, sleeper.pid)
        return fifo, kind, nice, value, inside.lift(4_000_000)

    fifo, kind, nice, value, gone = collect(look)
    assert fifo == preflight.probe().priority
    assert fifo.startswith("SCHED_FIFO") == (kind == os.SCHED_FIFO)
    assert nice == f"nice {value}"
    assert value == (-10 if os.geteuid() == 0 else value)
    assert gone == "gone"


# --- how it ends ----------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["return", "raise", "die", "raise-outside"])
def test_nothing_is_left_of_what_ends_by_itself(mark: str, how: str) -> None:
    before = host_state()
    launch(mark, how).communicate(timeout=10)
    assert marked(mark) == []
    assert host_state() == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_when_the_launcher_gets(mark: str, number: int) -> None:
    before = host_state()
    process = launch(mark, "stay")
    assert until(lambda: len(marked(mark)) == 9), marked(mark)  # launcher, guard, PID 1, main, five in it
    process.send_signal(number)
    process.communicate(timeout=10)
    assert until(lambda: marked(mark) == [])
    assert host_state() == before


@needs_another_user
def test_nothing_is_left_as_an_ordinary_user(mark: str) -> None:
    before = host_state()
    process = launch(mark, "stay", *AS_NOBODY)
    process.kill()
    process.communicate(timeout=10)
    assert until(lambda: marked(mark) == [])
    assert host_state() == before


def test_a_killed_guard_takes_all_with_it(mark: str) -> None:
    process = launch(mark, "stay")
    assert until(lambda: len(marked(mark)) == 9)
    guard = min(pid for pid in marked(mark) if pid != process.pid)
    os.kill(guard, signal.SIGKILL)
    process.communicate(timeout=10)
    assert until(lambda: marked(mark) == [])


def test_stop_waits_until_nothing_is_left() -> None:
    sandbox = Sandbox("test", lambda _: signal.pause() or 0)
    sandbox.start()
    assert sandbox.wait(0.01) is None
    sandbox.stop()
    sandbox.stop()
    assert sandbox.wait() == 128 + signal.SIGKILL
    assert sandbox.failure is None


def test_with_a_grace_main_may_end_well(tmp_path: Path) -> None:
    def main(_: Inside) -> int:
        try:
            (tmp_path / "begun").touch()
            signal.pause()
        finally:
            (tmp_path / "ended").touch()
        return 0

    with Sandbox("test", main) as sandbox:
        assert until((tmp_path / "begun").exists)
        sandbox.stop(grace_s=5)
    assert (tmp_path / "ended").exists()
    assert sandbox.wait() == 128 + signal.SIGTERM


def test_side_by_side_and_apart() -> None:
    sandboxes = [Sandbox(f"test-{number}", lambda _: signal.pause() or 0) for number in range(2)]
    for sandbox in sandboxes:
        sandbox.start()
    sandboxes[0].stop()
    assert sandboxes[1].wait(0.05) is None
    sandboxes[1].stop()


# --- what comes out -------------------------------------------------------------------------


def test_mains_status_is_the_sandboxs() -> None:
    assert Sandbox("test", lambda _: 7).run() == 7


@pytest.mark.parametrize(
    "error", [InputError("no such link"), MachineError("no tun", "chmod it"), LabError("the switch died")]
)
def test_our_errors_come_out_as_they_were(error: Exception) -> None:
    def main(_: Inside) -> int:
        raise error

    with pytest.raises(type(error)) as caught:
        Sandbox("test", main).run()
    assert str(caught.value) == str(error)


def test_other_errors_come_out_with_their_traceback() -> None:
    sandbox = Sandbox("test", lambda _: 1 // 0)
    with pytest.raises(LabError, match="ZeroDivisionError"):
        sandbox.run()
    assert sandbox.failure is not None
    assert "1 // 0" in sandbox.failure.traceback


def test_a_killed_main_is_an_error() -> None:
    with pytest.raises(LabError, match="SIGKILL"):
        Sandbox("test", lambda _: os.kill(os.getpid(), signal.SIGKILL) or 0).run()


def test_output_goes_to_a_file(tmp_path: Path) -> None:
    def main(_: Inside) -> int:
        sys.stdout.write("from Python\n")
        sys.stdout.flush()
        return subprocess.run(["sh", "-c", "echo from a child >&2"], check=True).returncode

    Sandbox("test", main, output=tmp_path / "log").run()
    assert (tmp_path / "log").read_text() in ("from Python\nfrom a child\n", "from a child\n")


def test_refused_beside_threads() -> None:
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait, name="painter")
    thread.start()
    try:
        with pytest.raises(LabError, match="painter"):
            Sandbox("test", lambda _: 0).start()
    finally:
        gate.set()
        thread.join()


def test_where_the_kernel_refuses_the_doctor_says_why() -> None:
    def forbidden(_: Inside) -> Any:
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
        with pytest.raises(MachineError) as caught:
            Sandbox("inner", lambda _: 0).run()
        preflight.probe.cache_clear()
        ability = preflight.probe().ability("namespaces")
        return str(caught.value), ability.ok, ability.remedy

    told, ok, remedy = collect(forbidden)
    assert "namespaces are refused (unshare: No space left on device)" in told  # the kernel's word for "none allowed"
    assert not ok
    assert "user.max_user_namespaces=15000" in remedy


@needs_another_user
def test_a_tun_device_for_root_only_is_named_with_the_remedy() -> None:
    program = (
        "from topology.replica import preflight; a = preflight.probe().ability('tun'); print(a.detail, '|', a.remedy)"
    )
    stage = 'mount -t tmpfs none /dev/net && mknod -m 600 /dev/net/tun c 10 200 && exec "$@"'
    words = ["unshare", "--mount", "sh", "-c", stage, "sh", *AS_NOBODY, sys.executable, "-B", "-c", program]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    assert "Permission denied: /dev/net/tun | sudo chmod 0666 /dev/net/tun" in done.stdout, done.stderr
