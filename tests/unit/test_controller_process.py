"""ControllerProcess with a small child that listens: its states as the kernel tells them."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from controller.orders import Freeze, Thaw
from controller.process import ControllerProcess, command, process_state
from topology.errors import LabError

LISTEN = """
import signal, socket, sys
sys.stdout.write('{"what": "ready", "number": 1}\\nnot JSON\\n[1]\\n')
sys.stderr.write("a warning\\n")
sys.stdout.flush(), sys.stderr.flush()
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
signal.pause()
"""
Lines = list[Mapping[str, Any]]


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def lines() -> Lines:
    return []


@pytest.fixture
def controller(port: int, lines: Lines) -> Iterator[ControllerProcess]:
    controller = ControllerProcess([sys.executable, "-c", LISTEN, str(port)], port=port, on_line=lines.append)
    yield controller
    controller.kill()


def wait_for(condition: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < ends_s
        time.sleep(0.005)


def test_it_runs_when_start_returns_and_listens(controller: ControllerProcess, port: int) -> None:
    assert controller.state() == "gone"
    assert controller.pid is None
    controller.start()
    assert controller.state() == "running"
    socket.create_connection(("127.0.0.1", port), timeout=1).close()


def test_a_second_start_changes_nothing(controller: ControllerProcess) -> None:
    controller.start()
    first = controller.pid
    controller.start()
    assert controller.pid == first


def test_pause_and_resume(controller: ControllerProcess) -> None:
    controller.start()
    controller.pause()
    assert controller.state() == "stopped"
    controller.pause()
    controller.resume()
    assert controller.state() == "running"


def test_a_throttled_one_is_stopped_and_runs_in_turn_until_it_is_let_go(controller: ControllerProcess) -> None:
    controller.start()
    controller.throttle(0.2, 0.2)
    wait_for(lambda: controller.state() == "stopped")
    wait_for(lambda: controller.state() == "running")
    wait_for(lambda: controller.state() == "stopped")
    controller.throttle(1.0, 0.2)
    assert controller.state() == "running"
    controller.throttle(0.2, 0.2)
    controller.kill()
    assert controller.state() == "gone"
    controller.throttle(0.2, 0.2)


ECHO = """
import json, socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
for line in sys.stdin:
    sys.stdout.write(json.dumps({"what": "obeyed", "line": json.loads(line)["kind"]}) + "\\n")
    sys.stdout.flush()
"""


def test_orders_reach_it_and_what_it_says_is_kept(port: int) -> None:
    controller = ControllerProcess([sys.executable, "-c", ECHO, str(port)], port=port)
    controller.tell(Freeze())
    controller.start()
    assert controller.last("obeyed") == {}
    controller.tell(Freeze())
    controller.tell(Thaw())
    wait_for(lambda: controller.said("obeyed") == 2)
    assert controller.last("obeyed") == {"what": "obeyed", "line": "thaw"}
    controller.kill()
    controller.tell(Freeze())
    assert controller.said("obeyed") == 2


def test_processor_time_stands_still_while_it_is_paused(port: int) -> None:
    busy = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1])))\nwhile True: pass"
    controller = ControllerProcess([sys.executable, "-c", busy, str(port)], port=port)
    controller.start()
    try:
        begun_s = controller.cpu_s()
        wait_for(lambda: controller.cpu_s() > begun_s)
        controller.pause()
        stopped_s = controller.cpu_s()
        time.sleep(0.05)
        assert controller.cpu_s() == stopped_s
        controller.resume()
        wait_for(lambda: controller.cpu_s() > stopped_s)
    finally:
        controller.kill()
    with pytest.raises(LabError, match="no controller is running"):
        controller.cpu_s()


@pytest.mark.parametrize("paused", [False, True])
def test_kill_leaves_no_process(controller: ControllerProcess, paused: bool) -> None:
    controller.start()
    pid = controller.pid
    assert pid is not None
    if paused:
        controller.pause()
    controller.kill()
    controller.kill()
    assert controller.state() == "gone"
    assert not Path(f"/proc/{pid}").exists()


def test_it_returns_after_a_kill(controller: ControllerProcess) -> None:
    controller.start()
    first = controller.pid
    controller.kill()
    controller.start()
    assert controller.state() == "running"
    assert controller.pid != first


def test_one_that_ended_by_itself_is_gone_and_can_be_started_again(controller: ControllerProcess) -> None:
    controller.start()
    assert controller.pid is not None
    os.kill(controller.pid, 9)
    wait_for(lambda: controller.state() == "gone")
    assert controller.pid is None
    controller.start()
    assert controller.state() == "running"


def test_what_is_gone_cannot_be_paused(controller: ControllerProcess) -> None:
    with pytest.raises(LabError, match="no controller is running"):
        controller.pause()


def test_every_line_reaches_the_callback(controller: ControllerProcess, lines: Lines) -> None:
    controller.start()
    controller.kill()
    assert {"what": "ready", "number": 1} in lines
    assert {"what": "stdout", "line": "not JSON"} in lines
    assert {"what": "stdout", "line": "[1]"} in lines
    assert [line["line"] for line in lines if line["what"] == "stderr"] == ["a warning"]


def test_the_last_words_of_one_that_dies_at_start(port: int) -> None:
    last_words = "import sys; sys.exit('no such brain')"
    controller = ControllerProcess([sys.executable, "-c", last_words], port=port)
    with pytest.raises(LabError, match=rf"port {port}: it died\n  no such brain$"):
        controller.start()
    assert controller.state() == "gone"


def test_somebody_else_on_the_port_does_not_count(controller: ControllerProcess, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)), pytest.raises(LabError, match="Address already in use"):
        controller.start()


def test_one_that_never_listens_is_ended_at_the_deadline(port: int) -> None:
    controller = ControllerProcess([sys.executable, "-c", "import time; time.sleep(60)"], port=port, deadline_s=0.2)
    with pytest.raises(LabError, match=r"still not after 0\.2 s"):
        controller.start()
    assert controller.state() == "gone"


def test_a_command_that_does_not_exist(port: int) -> None:
    with pytest.raises(LabError, match="cannot be started"):
        ControllerProcess(["/no/such/program"], port=port).start()


def test_the_command_line_names_the_file_wherever_it_is_run(tmp_path: Path) -> None:
    words = command(tmp_path / "x.json", "{}", framework="os-ken", port=6700)
    assert words[1:3] == ["-m", "controller"]
    assert words[-6:] == ["--settings", "{}", "--framework", "os-ken", "--port", "6700"]


def test_the_state_of_a_process_that_never_was() -> None:
    assert process_state(2**22 + 1) == "gone"
