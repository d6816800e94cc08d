"""What a page tells its reader to type: the commands of its blocks and its sentences, its Python and SQL.

It reads Markdown as our pages use it: blocks are indented by four spaces, and nothing is fenced.
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
SQL_PAGE, PYTHON_PAGE, RESULTS_PAGE = DOCS / "sql.md", DOCS / "python.md", DOCS / "reading-the-results.md"
MARKDOWN = (README, *sorted(DOCS.glob("*.md")), CHECKOUT / "CONTRIBUTING.md")
# What `make docs` writes shows what commands print, and is none.
MADE = re.compile(r"(?<=:begin -->\n).*?(?=<!-- fields:[a-z-]+:end -->)", re.DOTALL)
CONFIGS = tuple(sorted((CHECKOUT / "configs").glob("*.toml")))

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
    """An indented block without its indent; `place` is the page, and in some the heading above it."""

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


def blocks_of(path: Path) -> list[Block]:
    """The indented blocks of the Markdown page at `path`."""
    page = text_of(path)
    assert "```" not in page, f"{path.name} has a fenced block, which is not read here"
    return [
        Block(_place(path, page[: found.start()]), textwrap.dedent(found[0]).strip("\n"))
        for found in BLOCK.finditer(page)
    ]


def text_of(path: Path) -> str:
    """A page without what is made."""
    return MADE.sub("\n", path.read_text(encoding="utf-8"))


def _place(path: Path, before: str) -> str:
    """A page of `docs` is worked through from its beginning; each part of another stands alone."""
    if path.parent == DOCS:
        return path.name
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


def all_commands() -> list[Command]:
    """Every command of every page, in its order; one that stands in a sentence too is meant once."""
    found: list[Command] = []
    for path in MARKDOWN:
        typed = (block for block in blocks_of(path) if not (block.is_python or block.is_sql))
        found += [each for block in typed for each in commands_of(block)]
        page = BLOCK.sub("", text_of(path))
        spans = (span.replace("\n", " ") for span in SPAN.findall(page))
        found += [Command(f"{path.name}, its sentences", span) for span in spans if span not in ALONE]
    for path in CONFIGS:
        lines = CONFIG_LINE.findall(path.read_text(encoding="utf-8"))
        found += [Command(path.name, line) for line in lines]
    once: dict[str, Command] = {}
    for command in found:
        once.setdefault(command.text, command)
    return list(once.values())


def python_blocks(path: Path) -> list[str]:
    """The Python of a page, a block each."""
    return [block.text for block in blocks_of(path) if block.is_python]


def queries_of(path: Path) -> list[str]:
    """The queries of a page, in its order."""
    return [query for block in blocks_of(path) if block.is_sql for query in block.text.split("\n\n")]
