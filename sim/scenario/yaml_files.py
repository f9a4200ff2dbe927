"""Reading YAML so that no key is there twice, and every key is a name."""

from typing import Any

import yaml

from sim.errors import InputError, first_line

__all__ = ["read_yaml"]

MERGE = "tag:yaml.org,2002:merge"


class _Twice(yaml.MarkedYAMLError):
    """A key is there twice."""


class _NoName(yaml.MarkedYAMLError):
    """A key is read as something else than text."""


MOST_REPEATED = 1_000_000
"""Values that aliases may add to those that are written: ten lines of aliases of aliases stand for millions."""
LARGEST = 10_000_000
"""Letters of a text: ten thousand segments have fewer, and a million take some eight seconds to read."""
LARGEST_BITS = 1024
"""Of a whole number; no number of digits beyond is meant."""

NO_NAMES = {"bool": "true or false", "int": "a number", "float": "a number", "null": "nothing", "timestamp": "a date"}
"""What a plain word may be read as, by the end of its tag."""


class _Endless(yaml.MarkedYAMLError):
    """Aliases stand for more than anybody means."""


class _TooLarge(yaml.MarkedYAMLError):
    """A number has hundreds of digits."""


OURS = (_Twice, _NoName, _Endless, _TooLarge)


class _Loader(yaml.SafeLoader):
    """Refuses a key that is there twice; the YAML reader itself keeps the last without a word."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put what is merged (``<<``) before a mapping's own keys: the nearest say of a key holds.

        The reader's own keeps the farthest where mappings that are merged have merged others (PyYAML 6.0.4).
        """
        own = [pair for pair in node.value if pair[0].tag != MERGE]
        merged: dict[Any, tuple[yaml.Node, yaml.Node]] = {}
        for _, value in (pair for pair in node.value if pair[0].tag == MERGE):
            for each in reversed(value.value if isinstance(value, yaml.SequenceNode) else [value]):
                if not isinstance(each, yaml.MappingNode):
                    problem = f"expected a mapping for merging, but found {each.id}"
                    raise yaml.constructor.ConstructorError(None, None, problem, each.start_mark)
                self.flatten_mapping(each)
                merged.update({(key.tag, str(key.value)): (key, found) for key, found in each.value})
        node.value = [*merged.values(), *own]

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> yaml.MappingNode:
        """Return the keys and values as they stand in the file."""
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != MERGE:
                name = key.tag, key.value
                if name in lines:
                    problem = f"key '{key.value}' is there already, in line {lines[name] + 1}; keep one of them"
                    raise _Twice(problem=problem, problem_mark=key.start_mark)
                lines[name] = key.start_mark.line
                read_as = NO_NAMES.get(key.tag.rpartition(":")[2])
                if read_as is not None:
                    problem = f"the name '{key.value}' is read as {read_as}; put it in quotes: '{key.value}'"
                    if not key.value:
                        problem = "a key has no name; give it one"
                    raise _NoName(problem=problem, problem_mark=key.start_mark)
        return node

    def get_single_node(self) -> yaml.Node | None:
        """Return what the file says, unless aliases make it endless."""
        node: yaml.Node | None = super().get_single_node()
        if node is not None:
            sizes: dict[int, int] = {}
            if _size(node, sizes) - len(sizes) > MOST_REPEATED:
                problem = f"aliases (*name) repeat more than {MOST_REPEATED:,} values; write what is meant"
                raise _Endless(problem=problem, problem_mark=node.start_mark)
        return node

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Return a whole number of a size that can be meant."""
        try:
            value: int = super().construct_yaml_int(node)
        except ValueError:
            value = 1 << (LARGEST_BITS + 1)
        if value.bit_length() > LARGEST_BITS:
            raise _TooLarge(problem="a whole number larger than any that is meant", problem_mark=node.start_mark)
        return value


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def _size(node: yaml.Node, sizes: dict[int, int]) -> int:
    """Return how many values a node stands for, those behind aliases each time; ``sizes`` keeps those of each node."""
    if id(node) in sizes:
        if not sizes[id(node)]:
            problem = "an alias (*name) stands inside what it is the name of"
            raise _Endless(problem=problem, problem_mark=node.start_mark)
        return sizes[id(node)]
    sizes[id(node)] = 0
    inside = node.value if isinstance(node, yaml.CollectionNode) else ()
    parts = [part for each in inside for part in (each if isinstance(each, tuple) else (each,))]
    sizes[id(node)] = 1 + sum(_size(part, sizes) for part in parts)
    return sizes[id(node)]


def read_yaml(text: str, where: object, error: type[InputError] = InputError) -> Any:
    """Return what a YAML text says.

    Raises
    ------
    InputError
        As ``error``: if it is not YAML, is longer than :data:`LARGEST`, or a key is there twice; names ``where`` and
        the line.
    """
    if len(text) > LARGEST:
        raise error(f"{where}: has {len(text):,} letters; a file of this kind has at most {LARGEST:,}")
    try:
        return yaml.load(text, _Loader)
    except RecursionError:
        raise error(f"{where}: keys and lists lie deeper inside one another than can be read") from None
    except (yaml.YAMLError, ValueError, OverflowError) as found:
        mark = getattr(found, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(found, "problem", None) or first_line(found)
        raise error(f"{where}{line}: {problem if isinstance(found, OURS) else f'not YAML ({problem})'}") from None
