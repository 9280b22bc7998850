"""The documents that users read, and the blocks of code in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typer
import yaml

from agent.cli import make_app

ROOT = Path(__file__).parent.parent
PAPERS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "config").glob("*/README.md")]
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_HERE_DOCUMENT = re.compile(r"(cat > \S+) <<'(\w+)'\n.*?^\2$", re.DOTALL | re.MULTILINE)
# what stands before a program: a setting of the environment, and who runs it
_BEFORE = re.compile(r"^(?:sudo|exec|[A-Z_]+=.*)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `language` is empty where none is given."""

    paper: str
    line: int
    language: str
    text: str

    @property
    def first(self) -> str:
        """Its first line that is no comment, by which a list names it."""
        lines = [each.strip() for each in self.text.splitlines()]
        return next((each for each in lines if each and not each.startswith("#")), "")

    def __str__(self) -> str:
        return f"{self.paper}:{self.line}"


@cache
def command_line() -> Any:
    """The parser of all commands, for every document the same."""
    return typer.main.get_command(make_app())


@cache
def blocks() -> tuple[Block, ...]:
    """Of every document, in order."""
    return tuple(
        Block(
            path.relative_to(ROOT).as_posix(),
            text.count("\n", 0, match.start()) + 1,
            match[1],
            match[2],
        )
        for path in PAPERS
        for text in [path.read_text()]
        for match in _FENCE.finditer(text)
    )


def block(paper: str, language: str, words: str) -> str:
    """The text of the one block of a document that has these words."""
    (found,) = (
        each.text
        for each in blocks()
        if each.paper == paper and each.language == language and words in each.text
    )
    return found


def commands(script: str) -> Iterator[list[str]]:
    """Each program that a script calls, with its arguments, without what stands before it."""
    script = _HERE_DOCUMENT.sub(r"\1", script)
    for line in script.splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
        words.whitespace_split = True
        words.commenters = "#"
        yield from _split(list(words))


class _Strict(yaml.SafeLoader):  # type: ignore[misc]
    """A key that stands twice is a fault: a program takes one of them, or none. What stands after a
    mark of a program's own (`!input`) is what it is.
    """

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        found = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := sorted({str(each) for each in found if found.count(each) > 1}):
            raise yaml.constructor.ConstructorError(None, None, f"twice: {twice}", node.start_mark)
        return super().construct_mapping(node, deep)


_Strict.add_multi_constructor("!", lambda loader, _, node: loader.construct_scalar(node))


def read_yaml(text: str) -> Any:
    """Raises yaml.YAMLError, which names the line."""
    return yaml.load(text, Loader=_Strict)


def _split(words: list[str]) -> Iterator[list[str]]:
    command: list[str] = []
    skip = False
    for word in [*words, ";"]:
        if word in ("|", "&", "&&", "||", ";"):
            while command and _BEFORE.match(command[0]):
                command.pop(0)
            if command:
                yield command
            command = []
        elif word in (">", ">>", "<"):
            skip = True
        elif skip:
            skip = False
        else:
            command.append(word)
