"""Where in a YAML file a key stands, so that an error can name its line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bot.errors import BadInputError

MAX_BYTES = 4 * 1024 * 1024  # a catalogue of ten thousand signals is smaller
MAX_NODES = 500_000  # aliases can make a small file a large value
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlFile:
    """A parsed file that remembers its lines."""

    path: Path
    content: Any
    lines: dict[Place, int]  # of each key or list item, from 1

    def line(self, place: Sequence[str | int]) -> int | None:
        """The line of a place, or of the nearest thing around it that stands in the file.

        Parts that the file does not hold (a key that is missing, the name of a union's branch) are passed over.
        """
        found: Place = ()
        for part in place:
            if (*found, part) in self.lines:
                found = (*found, part)
        return self.lines.get(found)

    def at(self, place: Sequence[str | int]) -> str:
        """`file:line`, as editors and terminals make it clickable."""
        line = self.line(place)
        return f"{self.path}:{line}" if line else str(self.path)


def read_yaml_file(path: Path) -> YamlFile:
    """Read a file of mappings. Raises BadInputError naming file and line: not YAML, or a key that stands twice."""
    try:
        raw = path.read_bytes()
        if len(raw) > MAX_BYTES:
            raise BadInputError(f"{path}: is larger than {MAX_BYTES // 1024 // 1024} MB, which is no configuration")
        text = raw.decode("utf-8")
    except FileNotFoundError as error:
        raise BadInputError(f"{path}: there is no such file; `faultline init` writes one") from error
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path}: is not UTF-8 text") from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        lines = _lines(root, path)
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f":{mark.line + 1}: column {mark.column + 1}" if mark else ""
        raise BadInputError(f"{path}{at}: not valid YAML: {error.problem or error.context}") from error
    except RecursionError as error:
        raise BadInputError(f"{path}: not valid YAML that can be read: it is nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:
        raise BadInputError(f"{path}: not valid YAML: {error}") from error
    return YamlFile(path=path, content=content, lines=lines)


def _lines(root: yaml.Node | None, path: Path) -> dict[Place, int]:
    lines: dict[Place, int] = {}
    waiting: list[tuple[Place, yaml.Node]] = [((), root)] if root is not None else []
    seen = 0
    while waiting:
        place, node = waiting.pop()
        seen += 1
        if seen > MAX_NODES:
            raise BadInputError(f"{path}: unfolds to more than {MAX_NODES:,} values")
        if isinstance(node, yaml.MappingNode):
            here: dict[str, int] = {}
            for name, value in node.value:
                text, line = str(name.value), name.start_mark.line + 1
                if text in here and text != "<<":
                    where = ".".join(map(str, (*place, text)))
                    raise BadInputError(f"{path}:{line}: {where}: stands there twice, first in line {here[text]}")
                here[text] = lines[*place, text] = line
                waiting.append(((*place, text), value))
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                lines[*place, number] = value.start_mark.line + 1
                waiting.append(((*place, number), value))
    return lines
