"""A switch's end of its connection, as Open vSwitch's lib/reconnect.c and lib/rconn.c keep it.

backoff     wait, then try                  connecting   SYN, HELLO; given up after the back-off
active      probe what has been silent for an interval; give up after another
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from experiments.labs.modelled.channel import TO_BRAIN, TO_SWITCH, Channel
from experiments.labs.modelled.clock import Action
from experiments.labs.modelled.timers import (
    ACK_BITS,
    MAX_BACKOFF_S,
    MIN_BACKOFF_S,
    MIN_CONNECT_S,
    PROBE_S,
)


class Connection:
    """One TCP connection; each end speaks and closes by itself."""

    def __init__(self, channel: Channel, dialer: Dialer) -> None:
        self.dialer = dialer
        self._pipes = channel.pipes()

    @property
    def pop(self) -> str:
        return self.dialer.pop

    def to_brain(self, bits: float, arrive: Action) -> None:
        self._pipes[TO_BRAIN].send(bits, arrive)

    def to_switch(self, bits: float, arrive: Action) -> None:
        """Heard only by a switch that still holds this connection."""
        self._pipes[TO_SWITCH].send(bits, lambda: self.dialer.heard(self, arrive))

    def reset(self) -> None:
        """The brain's machine knows nothing of this connection (any more)."""
        self._pipes[TO_SWITCH].reset(ACK_BITS, lambda: self.dialer.lost(self))

    def close(self) -> None:
        """Both ends know: nothing more will be sent."""
        for pipe in self._pipes:
            pipe.closed = True


class Listener(Protocol):
    """What the brain's machine does with a connection."""

    def syn(self, connection: Connection) -> None: ...

    def hello(self, connection: Connection) -> None: ...

    def features(self, connection: Connection) -> None: ...

    def echo(self, connection: Connection) -> None: ...

    def fin(self, connection: Connection) -> None: ...


class Dialer:
    """Of one switch."""

    def __init__(self, channel: Channel, listener: Listener) -> None:
        self.pop = channel.pop
        self.established = False
        """TCP's view: a socket in state ESTABLISHED."""
        self.max_backoff_s = MAX_BACKOFF_S
        """Between two attempts; heeded when it is changed while the connection stands."""
        self.probe_s = PROBE_S
        """Of silence until the brain is asked, and as long again until it is given up; heeded likewise."""
        self._channel, self._clock, self._listener = channel, channel.clock, listener
        self._connection: Connection | None = None
        self.active = False
        """The brain's HELLO has come."""
        self.heard_s = 0.0
        """When the brain's last word came."""
        self.on_loss: Action = lambda: None
        self.on_greeting: Action = lambda: None
        self._life = 0
        self._backoff_s = self._connected_s = 0.0

    # ---------------------------------------------------------- connecting

    def connect(self) -> None:
        """Begin an attempt now."""
        connection = self._connection = Connection(self._channel, self)
        connection.to_brain(ACK_BITS, lambda: self._listener.syn(connection))
        self._clock.after(max(MIN_CONNECT_S, self._backoff_s), lambda: self._too_long(connection))

    def accepted(self, connection: Connection) -> None:
        """SYN-ACK: the socket stands; say HELLO."""
        self.established = True
        connection.to_brain(ACK_BITS, lambda: self._listener.hello(connection))

    def greeted(self, connection: Connection) -> None:
        """The brain's HELLO, and its question for our features."""
        self.active, self._connected_s = True, self._clock.now
        self.on_greeting()
        self._watch(connection)
        connection.to_brain(ACK_BITS, lambda: self._listener.features(connection))

    def _too_long(self, connection: Connection) -> None:
        if connection is self._connection and not self.active:
            self.give_up(connection)

    # ---------------------------------------------------------- standing

    def heard(self, connection: Connection, act: Action) -> None:
        """Something came in on this connection."""
        if connection is self._connection:
            self.heard_s = self._clock.now
            act()

    def tell(self, bits: float, arrive: Callable[[Connection], None]) -> None:
        """To the brain, if it listens."""
        connection = self._connection
        if connection is not None and self.active:
            connection.to_brain(bits, lambda: arrive(connection))

    def _watch(self, connection: Connection) -> None:
        """Look again when the connection may have been silent for a whole interval."""
        self._clock.at(self.heard_s + self.probe_s, lambda: self._look(connection))

    def _look(self, connection: Connection) -> None:
        if connection is not self._connection:
            return
        if self._clock.now < self.heard_s + self.probe_s:
            self._watch(connection)
            return
        asked_s = self._clock.now
        connection.to_brain(ACK_BITS, lambda: self._listener.echo(connection))
        self._clock.after(self.probe_s, lambda: self._unanswered(connection, asked_s))

    def _unanswered(self, connection: Connection, asked_s: float) -> None:
        if connection is not self._connection:
            return
        if self.heard_s < asked_s:
            self.give_up(connection)
        else:
            self._watch(connection)

    # ---------------------------------------------------------- ending

    def crash(self) -> None:
        """The switch's process is gone: its kernel closes the connection, and nobody tries again."""
        connection, self._life = self._connection, self._life + 1
        if connection is not None:
            self._hang_up(connection)
        self._forget()
        self._backoff_s = 0.0

    def _hang_up(self, connection: Connection) -> None:
        connection.to_brain(ACK_BITS, lambda: self._listener.fin(connection))
        connection.close()

    def _forget(self) -> None:
        self._connection, self.active, self.established = None, False, False

    def give_up(self, connection: Connection) -> None:
        """Close from this side; the brain hears of it when the channel lets it."""
        self._hang_up(connection)
        self.lost(connection)

    def lost(self, connection: Connection) -> None:
        """Closed or refused by the other side, or given up: back off, then try again."""
        if connection is not self._connection:
            return
        connection.close()
        stood = self.active and self.heard_s - self._connected_s >= self._backoff_s
        if stood or self._backoff_s < MIN_BACKOFF_S:
            self._backoff_s = MIN_BACKOFF_S
        else:
            self._backoff_s = min(2 * self._backoff_s, self.max_backoff_s)
        was_active = self.active
        self._forget()
        if was_active:
            self.on_loss()
        life = self._life
        self._clock.after(self._backoff_s, lambda: self.connect() if life == self._life else None)
