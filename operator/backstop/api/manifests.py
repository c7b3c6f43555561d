"""YAML and JSON as people keep it in files: several documents, and the line of every field.

Read as the Kubernetes clients read it: dates stay text, `1e3` is a number, and a key that is there twice is an error.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from backstop.api.paths import Location

_REPLACED: Final = frozenset({"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:int"})


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader without the types that JSON does not have."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _REPLACED]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
# no octal and sexagesimal surprises: 010 and 1:30 stay what they look like
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)

_MAX_NODES: Final = 1_000_000  # of one document


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file, counted from 1."""

    line: int
    column: int = 1


START: Final = Place(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A file, or the rest of one, that is neither YAML nor JSON."""

    place: Place
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document of a file. `value` is what JSON could hold, unless its author was creative."""

    value: Any
    repeated_keys: tuple[Location, ...]
    _node: yaml.Node

    def place_of(self, location: Location) -> Place:
        """Return where a field stands; for one that is missing, where the nearest field around it does."""
        node, mark = self._node, self._node.start_mark
        for segment in location:
            found = _child(node, segment)
            if found is None:
                break
            mark, node = found
        return Place(mark.line + 1, mark.column + 1)


def read_documents(text: str) -> Iterator[Document | Unreadable]:
    """Yield the documents of a file, empty ones left out. What comes after an unreadable part is not read."""
    as_json = _json_or_none(text)
    if as_json is not None:
        text = text.replace("\t", " ")  # JSON may be indented by tabs; inside of its strings there are none
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            value = as_json[0] if as_json is not None else loader.construct_document(node)
            if node is not None and value is not None:
                yield Document(value=value, repeated_keys=tuple(_repeated_keys(node)), _node=node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark is not None else START
        yield Unreadable(place=place, text=f"is not YAML: {error.problem or error.context}")
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        yield Unreadable(place=Place(line), text=f"is not YAML: character #x{error.character:04x} is not allowed")
    except RecursionError:
        yield Unreadable(place=START, text="is nested too deeply to be read")
    except (ValueError, OverflowError) as error:  # numbers and binary data that their types cannot hold
        yield Unreadable(place=START, text=f"has a value that cannot be read: {error}")


def _json_or_none(text: str) -> tuple[Any] | None:
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return (json.loads(text),)
    except (ValueError, RecursionError):
        return None


def _child(node: yaml.Node, segment: str | int) -> tuple[yaml.Mark, yaml.Node] | None:
    """Return where a field or an entry begins, and its value."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == segment:
                return key.start_mark, value
    if isinstance(node, yaml.SequenceNode) and isinstance(segment, int) and 0 <= segment < len(node.value):
        return node.value[segment].start_mark, node.value[segment]
    return None


def _repeated_keys(root: yaml.Node) -> Iterator[Location]:
    """Yield keys that a map has twice. Every node is looked at once, however often aliases repeat it."""
    waiting: list[tuple[Location, yaml.Node]] = [((), root)]
    seen: set[int] = set()
    while waiting and len(seen) < _MAX_NODES:
        location, node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += [((*location, index), item) for index, item in enumerate(node.value)]
        elif isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            yield from ((*location, key) for key in dict.fromkeys(keys) if keys.count(key) > 1)
            waiting += [((*location, str(key.value)), value) for key, value in node.value]
