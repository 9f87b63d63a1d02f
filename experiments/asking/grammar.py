"""What pydantic finds wrong in the entries of a file, in the words of its author: of experiments and of sweeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ValidationError

from experiments.asking.reading import Found, Loc, Source
from topology.errors import unknown

_WORDS = {
    "string_type": "should be a text",
    "tuple_type": "should be a list, such as [a, b]",
    "model_type": "should be a mapping of keys to values",
    "dict_type": "should be a mapping of keys to values",
    "too_short": "should not be empty",
}
"""Where pydantic's own words speak of Python."""


class Grammar:
    """A file's model, and those of its parts by their keys. ``question`` is the first comment, not a key."""

    def __init__(self, root: type[BaseModel], parts: Mapping[str, type[BaseModel]]) -> None:
        self._root, self._parts = root, dict(parts)

    def keys(self, loc: Loc = ()) -> dict[str, str]:
        """Key → description, of the mapping at ``loc``."""
        model = self._parts.get(str(loc[0])) if loc else self._root
        fields = model.model_fields if model else {}
        return {field.alias or name: field.description or "" for name, field in fields.items() if name != "question"}

    def mistakes(self, origin: Source) -> Iterator[Found]:
        """Of a file that was read."""
        if not isinstance(origin.data, dict):
            yield (), f"expected a mapping with the keys {', '.join(self.keys())}"
            return
        if "question" in origin.data:
            yield ("question",), "the question is the first comment line of the file, not a key"
        yield from self.refused(origin.data)

    def refused(self, data: dict[str, object]) -> Iterator[Found]:
        """What the model does not take."""
        try:
            self._root.model_validate({**data, "question": ""})
        except ValidationError as error:
            for item in error.errors(include_url=False):
                yield item["loc"], self._say(item["type"], item["loc"], item["msg"], item.get("input"))

    def _say(self, kind: str, loc: Loc, message: str, given: object) -> str:
        fields = self.keys(loc[:-1])
        if kind == "extra_forbidden":
            return unknown("key", str(loc[-1]), fields)
        if kind == "missing":
            return f"'{loc[-1]}' is missing: {fields.get(str(loc[-1]), '')}"
        if kind == "value_error":
            return message.removeprefix("Value error, ")
        said = _WORDS.get(kind, message.replace("Input should", "should"))
        return said if isinstance(given, (dict, list, tuple)) else f"{said}; found '{str(given)[:40]}'"
