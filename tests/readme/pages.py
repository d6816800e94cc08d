"""What a page tells its reader to type: the commands of its blocks and its sentences, its Python and SQL.

It reads Markdown as our pages use it: blocks are indented by four spaces, and nothing is fenced. What
commands print (`tests/samples.py`) is no block to type.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
README = CHECKOUT / "README.md"
DOCS = CHECKOUT / "docs"
SQL_PAGE = DOCS / "sql.md"
# Pages with lines to type; a new page in docs is one of them.
MARKDOWN = (README, *sorted(DOCS.glob("*.md")), CHECKOUT / "CONTRIBUTING.md")
# The other pages have none.
TYPELESS = tuple(page for page in (*CHECKOUT.glob("*.md"), *DOCS.rglob("*.md")) if page not in MARKDOWN)
CONFIGS = tuple(sorted((CHECKOUT / "configs").glob("*.toml")))

MADE = re.compile(r"<!-- (made:[a-z-]+):begin -->.*?<!-- \1:end -->", re.DOTALL)
# Code that `BLOCK` does not find.
HIDDEN = re.compile(r"^\s*(?:[-*>] *)?(?:```|~~~)|<pre|<code", re.MULTILINE)
BLOCK = re.compile(r"(?<=\n\n)(?:    .*\n|\n(?=    ))+")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
# In a sentence a span with one of these words and an argument is a command; other words are names of things.
SPAN = re.compile(r"(?<!`)`((?:fleetscan|jq|python|make|pip|pipx|\.ci/run)(?: [^`]+)?)`(?!`)")
ALONE = ("fleetscan", "jq", "make", "python", "pip", "pipx")
COMMENT = re.compile(r"\s+# .*$", re.MULTILINE)
# A comment in a file of settings ends its first line with the command that the file is for.
CONFIG_LINE = re.compile(r"^# .*: (fleetscan .*)$", re.MULTILINE)
PYTHON = re.compile(r"(import|from|async|await) |\w+ = ")
SQL = re.compile(r"(SELECT|WITH|FROM) ")


@dataclass(frozen=True, slots=True)
class Block:
    """An indented block without its indent; `place` is the page and the heading above it."""

    place: str
    text: str

    @property
    def is_python(self) -> bool:
        """Whether it is part of a Python program."""
        return PYTHON.match(self.text) is not None

    @property
    def is_sql(self) -> bool:
        """Whether it is a query, or several with an empty line between them."""
        return SQL.match(self.text) is not None


@dataclass(frozen=True, slots=True)
class Command:
    """What a reader types at once, without the comment behind it: a line, or several that belong together."""

    place: str
    text: str


def text_of(path: Path) -> str:
    """The page at `path` without what commands print."""
    return MADE.sub("", path.read_text(encoding="utf-8"))


def blocks_of(path: Path) -> list[Block]:
    """The indented blocks of the Markdown page at `path`."""
    page = text_of(path)
    return [
        Block(_place(path, page[: found.start()]), textwrap.dedent(found[0]).strip("\n"))
        for found in BLOCK.finditer(page)
    ]


def _place(path: Path, before: str) -> str:
    headings = HEADING.findall(before)
    return f"{path.name}, {headings[-1]}"


def commands_of(block: Block) -> Iterator[Command]:
    """The commands of a block that is neither Python nor SQL, each as its shell would take it."""
    lines: list[str] = []
    for line in block.text.splitlines():
        lines.append(line)
        typed = COMMENT.sub("", "\n".join(lines))
        if _is_whole(typed):
            yield Command(block.place, typed)
            lines = []
    assert not lines, f"a quote or a pipe stays open in {block.place}: {lines}"


def _is_whole(typed: str) -> bool:
    if typed.endswith(("\\", "|")):
        return False
    try:
        shlex.split(typed)
    except ValueError:
        return False
    return True


def spans_of(path: Path) -> list[Command]:
    """The commands in the sentences of the Markdown page at `path`, each once."""
    page = BLOCK.sub("", text_of(path))
    spans = dict.fromkeys(span.replace("\n", " ") for span in SPAN.findall(page))
    return [Command(f"{path.name}, its sentences", span) for span in spans if span not in ALONE]


def typed_in(path: Path) -> list[Block | Command]:
    """What the page at `path`, or the file of settings, has its reader type, in the order to type it.

    Python and SQL are blocks; commands in sentences come last.
    """
    if path in CONFIGS:
        lines = CONFIG_LINE.findall(path.read_text(encoding="utf-8"))
        return [Command(path.name, line) for line in lines]
    typed: list[Block | Command] = []
    for block in blocks_of(path):
        typed += [block] if block.is_python or block.is_sql else commands_of(block)
    return typed + spans_of(path)


def all_commands() -> list[Command]:
    """Every command of every page, in its order, each once."""
    once: dict[str, Command] = {}
    for path in (*MARKDOWN, *CONFIGS):
        for typed in typed_in(path):
            if isinstance(typed, Command):
                once.setdefault(typed.text, typed)
    return list(once.values())


def python_blocks(path: Path) -> list[str]:
    """The Python of a page, a block each."""
    return [block.text for block in blocks_of(path) if block.is_python]


def queries_of(block: Block) -> list[str]:
    """The queries of a block of SQL."""
    return block.text.split("\n\n")
