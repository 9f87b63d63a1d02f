"""The one door to Ryu 4.34 and to os-ken, its maintained fork: the same controller runs on either.

``load`` imports a framework and hands out the few parts that we use; ``serve`` turns
plain functions into an app of that framework and runs it under its AppManager. All the
cunning that today's Python needs to import a framework of 2019, quickly, is here.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import socket
import struct
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar, cast

from topology.errors import InputError, LabError, unknown

Handler = Callable[[Any], None]
T = TypeVar("T")

_PACKAGES = {"ryu": "ryu", "os-ken": "os_ken"}
_OPENFLOW_13 = 4
_LENGTH, _COOKIE, _TO_COOKIE = struct.Struct("!H"), struct.Struct("!Q"), 24
_ECHO_INTERVAL_S = 5.0
"""How often we ask a switch for a sign of life. One without two answers running is given up,
so a control channel that swallows everything is noticed after 10 to 15 s (TCP alone needs minutes)."""


@dataclass(frozen=True, slots=True)
class Framework:
    """What the shim needs of Ryu or os-ken."""

    name: str
    version: str
    hub: ModuleType
    """Green threads and queues: ``spawn``, ``sleep``, ``Queue``."""
    dead: str
    """The state of a connection that is closed."""
    ofp_event: ModuleType
    app_manager: ModuleType
    set_ev_cls: Callable[..., Any]
    conf: Any

    def spawn(self, function: Callable[[], None]) -> Any:
        """Run it in a green thread of its own; an exception in it ends the process."""
        return self.hub.spawn(lambda: _or_die(function, self.hub.TaskExit))

    def in_thread(self, function: Callable[[], T]) -> T:
        """Run it in a thread of the system, and let only the calling green thread wait for it."""
        from eventlet import tpool

        return cast(T, tpool.execute(function))


def load(name: str) -> Framework:
    """Import ``"ryu"`` or ``"os-ken"``; raises InputError for another name, LabError if it does not import."""
    if name not in _PACKAGES:
        raise InputError(unknown("framework", name, _PACKAGES))
    _prepare()
    try:
        return _import(name, _PACKAGES[name])
    except ImportError as error:
        raise LabError(f"{name} cannot be imported: {error}") from error


def serve(framework: Framework, port: int, handlers: Mapping[str, Handler], start: Callable[[], None]) -> None:
    """Listen on ``port`` and call ``handlers`` (event name → function) until killed.

    ``start`` is called once, before the first switch can connect. All handlers of an event
    run in one green thread, in the order of arrival. Raises LabError when the port is taken.
    """
    _try_port(port)
    framework.conf.set_override("ofp_tcp_listen_port", port)
    framework.conf.set_override("echo_request_interval", _ECHO_INTERVAL_S)
    framework.conf.set_override("maximum_unreplied_echo_requests", 1)
    manager = framework.app_manager.AppManager.get_instance()
    manager.instantiate(_app_class(framework, handlers))
    start()
    manager.load_apps([f"{_PACKAGES[framework.name]}.controller.ofp_handler"])
    framework.hub.joinall(manager.instantiate_apps())
    # The listener's thread ends only by an exception, which the framework has logged on stderr.
    raise LabError(f"the controller stopped listening on port {port}")


def _try_port(port: int) -> None:
    """The framework would only log that the port is taken."""
    try:
        socket.create_server(("0.0.0.0", port)).close()
    except OSError as error:
        raise LabError(f"port {port} cannot be listened on: {error.strerror}") from None


def _prepare() -> None:
    warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
    # We resolve no names; dnspython would cost 80 ms of start-up.
    os.environ.setdefault("EVENTLET_NO_GREENDNS", "yes")
    # One call at a time (Framework.in_thread); twenty threads would be started by default.
    os.environ.setdefault("EVENTLET_THREADPOOL_SIZE", "1")
    # os-ken's default is native threads. There a closed connection's sender waits for ever for
    # something to send (hub.kill does nothing), so the switch is never reported down, and
    # programming 330 switches took 17.7 s instead of about 5. Both frameworks therefore run on
    # eventlet; its one thread also means that the brain is never entered twice.
    os.environ["OSKEN_HUB_TYPE"] = os.environ["RYU_HUB_TYPE"] = "eventlet"
    import eventlet.wsgi

    # Gone since eventlet 0.30.3; ryu.app.wsgi, which the AppManager imports, asks for it.
    if not hasattr(eventlet.wsgi, "ALREADY_HANDLED"):
        eventlet.wsgi.ALREADY_HANDLED = object()


@dataclass(frozen=True, slots=True)
class _FlowStats:
    """All that we read of a flow: 0.2 ms for a hundred, where match and instructions cost the framework 3 to 6 ms."""

    length: int
    cookie: int

    @classmethod
    def parser(cls, buffer: bytes, offset: int) -> _FlowStats:
        """OpenFlow 1.3.5, section 7.3.5.2: ``struct ofp_flow_stats``."""
        (length,), (cookie,) = _LENGTH.unpack_from(buffer, offset), _COOKIE.unpack_from(buffer, offset + _TO_COOKIE)
        return cls(length, cookie)


def _import(name: str, package: str) -> Framework:
    app_manager = importlib.import_module(f"{package}.base.app_manager")
    openflow = importlib.import_module(f"{package}.ofproto.ofproto_v1_3_parser")
    openflow.OFPFlowStatsReply.cls_stats_body_cls = _FlowStats
    handler = importlib.import_module(f"{package}.controller.handler")
    return Framework(
        name=name,
        version=importlib.metadata.version(name),
        hub=importlib.import_module(f"{package}.lib.hub"),
        dead=handler.DEAD_DISPATCHER,
        ofp_event=importlib.import_module(f"{package}.controller.ofp_event"),
        app_manager=app_manager,
        set_ev_cls=handler.set_ev_cls,
        conf=importlib.import_module(f"{package}.cfg").CONF,
    )


def _app_class(framework: Framework, handlers: Mapping[str, Handler]) -> type:
    """A class such as a Ryu user would write by hand, with one ``@set_ev_cls`` method per handler."""
    base = getattr(framework.app_manager, "RyuApp" if framework.name == "ryu" else "OSKenApp")
    members: dict[str, Any] = {"OFP_VERSIONS": [_OPENFLOW_13], "__module__": __name__}
    for event, handler in handlers.items():
        decorate = framework.set_ev_cls(getattr(framework.ofp_event, event))
        members[f"on_{event}"] = decorate(_method(handler, framework.hub.TaskExit))
    return type("Failstatic", (base,), members)


def _method(handler: Handler, killed: type[BaseException]) -> Callable[[Any, Any], None]:
    return lambda _app, event: _or_die(lambda: handler(event), killed)


def _or_die(function: Callable[[], None], killed: type[BaseException]) -> None:
    """The framework would log an exception and go on with half a brain; an experiment must see it die."""
    try:
        function()
    except killed:
        raise
    except BaseException:
        sys.excepthook(*sys.exc_info())
        sys.stderr.flush()
        os._exit(LabError.exit_status)
