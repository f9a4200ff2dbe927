"""Reading YAML so that no key is there twice."""

from typing import Any

import yaml

from sim.errors import InputError, first_line

__all__ = ["read_yaml"]

MERGE = "tag:yaml.org,2002:merge"


class _Twice(yaml.MarkedYAMLError):
    """A key is there twice."""


class _Loader(yaml.SafeLoader):
    """Refuses a key that is there twice; the YAML reader itself keeps the last without a word."""

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
        return node


def read_yaml(text: str, where: object, error: type[InputError] = InputError) -> Any:
    """Return what a YAML text says.

    Raises
    ------
    InputError
        As ``error``: if it is not YAML, or a key is there twice; names ``where`` and the line.
    """
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError) as found:
        mark = getattr(found, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(found, "problem", None) or first_line(found)
        raise error(f"{where}{line}: {problem if isinstance(found, _Twice) else f'not YAML ({problem})'}") from None
