"""Ask the kernel for an Open vSwitch datapath, as ovs-vswitchd would: generic netlink, nothing else.

Layouts from linux/netlink.h, linux/genetlink.h and linux/openvswitch.h.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

NETLINK_GENERIC = 16
_HEADER = struct.Struct("=IHHIIBBH")
"""nlmsghdr (length, type, flags, sequence, port) and genlmsghdr (command, version, reserved)."""
_ATTRIBUTE = struct.Struct("=HH")
_REQUEST, _ACKNOWLEDGE = 0x1, 0x4
_ERROR = 2
_CONTROLLER, _GET_FAMILY, _FAMILY_ID, _FAMILY_NAME = 0x10, 3, 1, 2
_NEW_DATAPATH, _DATAPATH_VERSION, _NAME, _UPCALL_PORT = 1, 2, 1, 2


def create_datapath(name: str) -> None:
    """Create a kernel datapath in this network namespace. Raises OSError with the kernel's reason.

    Asking for the family makes the kernel load the module, whoever asks (genl_ctrl does).
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC) as kernel:
        kernel.bind((0, 0))
        family = _family(kernel, "ovs_datapath")
        anything = struct.pack("=i", 0)  # ovs_header: no interface yet
        wanted = _attribute(_NAME, name.encode() + b"\0") + _attribute(_UPCALL_PORT, struct.pack("=I", 0))
        _ask(kernel, family, (_NEW_DATAPATH, _DATAPATH_VERSION), anything + wanted)


def _family(kernel: socket.socket, name: str) -> int:
    answer = _ask(kernel, _CONTROLLER, (_GET_FAMILY, 1), _attribute(_FAMILY_NAME, name.encode() + b"\0"))
    numbers = [value for kind, value in _attributes(answer) if kind == _FAMILY_ID]
    return int(struct.unpack("=H", numbers[0])[0])


def _ask(kernel: socket.socket, family: int, command: tuple[int, int], body: bytes) -> bytes:
    """The answer's attributes, empty when the kernel only says that it is done."""
    length = _HEADER.size + len(body)
    kernel.send(_HEADER.pack(length, family, _REQUEST | _ACKNOWLEDGE, 1, 0, *command, 0) + body)
    answer = b""
    while True:
        message = kernel.recv(65536)
        kind = struct.unpack_from("=H", message, 4)[0]
        if kind != _ERROR:
            answer = message[_HEADER.size :]
            continue
        number = -struct.unpack_from("=i", message, 16)[0]
        if number:
            raise OSError(number, os.strerror(number))
        return answer


def _attribute(kind: int, value: bytes) -> bytes:
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(-length % 4)


def _attributes(body: bytes) -> Iterator[tuple[int, bytes]]:
    while len(body) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(body)
        yield kind, body[_ATTRIBUTE.size : length]
        body = body[length + -length % 4 :]
