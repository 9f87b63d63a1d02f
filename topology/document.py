"""A YAML file as values that know their place, read without trusting it.

``read`` refuses what could eat the machine (large files, deep nesting, aliases that expand)
before anything is built; ``Value`` is a node with its file, line, column and key path;
``Record`` reads the fields of a mapping one by one and keeps going after a mistake, so that
all of them are told at once. What the fields mean is the caller's business (``schema``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml

from topology.errors import InputError, Problem, unknown

MAX_BYTES = 1_000_000
MAX_NODES = 50_000
MAX_ALIASES = 100
MAX_DEPTH = 20

T = TypeVar("T")
_Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Value:
    """A node of the document."""

    node: yaml.Node
    file: str
    key: str = ""
    """Path from the root, such as ``pops[3].lat``."""

    @property
    def position(self) -> tuple[int, int]:
        """Line and column, both from 1."""
        return _position(self.node)

    def problem(self, message: str) -> Problem:
        line, column = self.position
        return Problem(f"{self.file}:{line}:{column}" + (f": {self.key}" if self.key else ""), message)

    def text(self) -> str:
        """The scalar as written (``no`` is "no", not False); raises ValueError otherwise."""
        if not isinstance(self.node, yaml.ScalarNode):
            raise ValueError(f"expected a single value, found a {_kind(self.node)}")
        if not self.node.value.strip():
            raise ValueError("expected a value, found nothing")
        return str(self.node.value)

    def items(self) -> list[Value]:
        """The entries of a list; raises ValueError when it is none."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise ValueError(f"expected a list, found a {_kind(self.node)}")
        return [Value(node, self.file, f"{self.key}[{number}]") for number, node in enumerate(self.node.value)]


class Mistakes:
    """Collects problems in the order of the file."""

    def __init__(self) -> None:
        self._found: list[tuple[tuple[int, int], Problem]] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, value: Value, message: str) -> None:
        self._found.append((value.position, value.problem(message)))

    def raise_if_any(self) -> None:
        """Raises InputError with all of them."""
        if self._found:
            raise InputError(problem for _, problem in sorted(self._found, key=lambda found: found[0]))


class Record:
    """The fields of one mapping. A getter that meets a mistake notes it and returns None."""

    def __init__(self, value: Value, known: Mapping[str, str], mistakes: Mistakes) -> None:
        """``known``: key → what it is, for the message when a required one is missing."""
        self.value, self._known, self._mistakes = value, known, mistakes
        self.fields: dict[str, Value] = {}
        if isinstance(value.node, yaml.MappingNode):
            for key, child in value.node.value:
                self._admit(key, child)
        else:
            mistakes.add(value, f"expected a mapping with the keys {', '.join(known)}; found a {_kind(value.node)}")

    def _admit(self, key: yaml.Node, child: yaml.Node) -> None:
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else f"a {_kind(key)}"
        path = f"{self.value.key}.{name}" if self.value.key else name
        if name not in self._known:
            self._mistakes.add(Value(key, self.value.file, path), unknown("key", name, self._known))
        elif name in self.fields:
            self._mistakes.add(Value(key, self.value.file, path), f"key '{name}' stands here twice")
        else:
            self.fields[name] = Value(child, self.value.file, path)

    def required(self, key: str, convert: Callable[[Value], T]) -> T | None:
        """The field, converted; ``convert`` raises ValueError to say what is wrong."""
        if key not in self.fields:
            if isinstance(self.value.node, yaml.MappingNode):
                self._mistakes.add(self.value, f"'{key}' is missing: {self._known[key]}")
            return None
        return self.optional(key, convert)

    def optional(self, key: str, convert: Callable[[Value], T]) -> T | None:
        """As ``required``, but None when the key is absent or null."""
        value = self.fields.get(key)
        if value is None or value.node.tag == "tag:yaml.org,2002:null":
            return None
        try:
            return convert(value)
        except ValueError as error:
            self._mistakes.add(value, str(error))
            return None


def read(path: Path) -> Value:
    """The root of a YAML file; raises InputError when it cannot or must not be read."""
    text = read_text(path)
    try:
        _refuse_excess(text, str(path))
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise InputError(f"not YAML: {getattr(error, 'problem', None) or error}", place=place) from error
    if node is None:
        raise InputError("the file is empty", place=str(path))
    _expanded(node, str(path), {})
    return Value(node, str(path))


def read_text(path: Path) -> str:
    """The text of a file that a user named; raises InputError, also for one that is too large."""
    try:
        if not path.is_file():
            raise InputError("no such file" if not path.exists() else "not a regular file", place=str(path))
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(f"{size / 1e6:.3g} MB; more than {MAX_BYTES / 1e6:.0f} MB is refused", place=str(path))
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", place=str(path)) from error
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 text (byte {error.start})", place=str(path)) from error


def _refuse_excess(text: str, file: str) -> None:
    """Counts nodes, aliases and depth on the event stream, before any node is built."""
    nodes = aliases = depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        nodes += isinstance(event, yaml.NodeEvent)
        aliases += isinstance(event, yaml.AliasEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        for count, limit, what in ((nodes, MAX_NODES, "nodes"), (aliases, MAX_ALIASES, "aliases"),
                                   (depth, MAX_DEPTH, "levels of nesting")):  # fmt: skip
            if count > limit:
                raise InputError(f"more than {limit} {what}", place=file)


def _expanded(node: yaml.Node, file: str, sizes: dict[int, int]) -> int:
    """Nodes below ``node`` with aliases expanded; refuses what is too many or contains itself."""
    if id(node) not in sizes:
        sizes[id(node)] = MAX_NODES + 1  # seen again before it is known: it contains itself
        children: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            children = [child for pair in node.value for child in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = node.value
        sizes[id(node)] = 1 + sum(_expanded(child, file, sizes) for child in children)
    if sizes[id(node)] > MAX_NODES:
        place = f"{file}:{_position(node)[0]}"
        raise InputError(f"its aliases expand to more than {MAX_NODES} nodes, or contain themselves", place=place)
    return sizes[id(node)]


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "mapping"
    return "list" if isinstance(node, yaml.SequenceNode) else f"single value ('{str(node.value)[:40]}')"


def _position(node: yaml.Node) -> tuple[int, int]:
    mark = node.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)
