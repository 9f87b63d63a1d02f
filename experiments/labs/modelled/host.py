"""The machine that the brain runs on. It outlives the process: its kernel accepts connections for one
that hangs, keeps what comes for it, and closes the connections of one that was killed.
"""

from __future__ import annotations

from experiments.labs.modelled.clock import Action, Clock
from experiments.labs.modelled.rconn import Connection
from experiments.labs.modelled.timers import ACK_BITS


class Host:
    """State of the process, its sockets, and what waits for it."""

    def __init__(self, clock: Clock) -> None:
        self.sockets: dict[Connection, None] = {}
        self._clock = clock
        self._state = "gone"
        self._life = 0
        self._inbox: list[Action] = []
        """What waits for a process that hangs."""

    def end(self) -> None:
        """The process is gone: what waited is lost, its connections are closed."""
        self._state = "gone"
        self._life += 1
        self._inbox.clear()
        for connection in list(self.sockets):
            self.close(connection)

    def wake(self) -> None:
        """It runs again, and takes in what has waited."""
        self._state = "running"
        waiting, self._inbox = self._inbox, []
        for action in waiting:
            self.do(action)

    def do(self, act: Action) -> None:
        """Now, or when the process runs again."""
        if self._state == "stopped":
            self._inbox.append(act)
        elif self._state == "running":
            act()

    def later(self, delay_s: float, act: Action) -> None:
        """In this life only."""
        life = self._life
        self._clock.after(delay_s, lambda: self.do(act) if life == self._life else None)

    # ---------------------------------------------------------- TCP

    def syn(self, connection: Connection) -> None:
        """Accepted while there is a process, running or not; else refused."""
        if self._state == "gone":
            connection.reset()
            return
        self.sockets[connection] = None
        connection.to_switch(ACK_BITS, lambda: connection.dialer.accepted(connection))

    def heard(self, connection: Connection, act: Action) -> None:
        """Something came in: for the process if it still has this socket; a closed one is reset."""
        if connection in self.sockets:
            self.do(lambda: act() if connection in self.sockets else None)
        else:
            connection.reset()

    def close(self, connection: Connection) -> None:
        self.sockets.pop(connection, None)
        connection.to_switch(ACK_BITS, lambda: connection.dialer.lost(connection))
