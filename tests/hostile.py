"""What a stranger may write where a name, a tag, a title or a message belongs, and what harm it could do.

Shown harmlessly it is text in lines of bounded length, with nothing in it that a terminal or a reader obeys.
"""

from __future__ import annotations

import io
import re
import unicodedata

from fleetscan.model import Json

HOSTILE = {
    "csi": "\x1b[2J\x1b[31mred\x1b[0m",
    "hyperlink": "\x1b]8;;https://example.net\x1b\\click\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;cm0gLXJmIH4=\x07",
    "c1": "\x9b31m\x85\x90q\x9c",
    "controls": "bell\x07 nul\x00 back\x08\x08\x08 del\x7f tab\t form\x0c",
    "forged line": "fine\r\nfleetscan: error: forged\nwarning: forged",
    "forged by other line ends": "fine\u2028fleetscan: error: forged\u2029warning: forged\x85forged",
    "bidi": "\u202egpj.exe\u202c \u2066a\u2067b\u2068c\u2069 \u200f\u061c",
    "invisible": "zero\u200bwidth\u200c\u200d\u2060 \ufeffbom soft\u00adhyphen \U000e0041tag",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>&amp;",
    "markup": "[bold red]bold[/] [link=https://example.net]link[/link] :smile: [/nothing]",
    "quotes": "'; drop table vm; -- \" \\ \\u0041 ${HOME} $(id) %s {0}",
    "half a character": "lone \ud800 and \udc80 and \udbff",
    "whole character": "\U0001f600 \u6771\u4eac e\u0301",
    "long": "x" * 1_000_000,
    "many lines": "\n" * 100_000 + "fleetscan: error: forged",
    "many blanks": "a\n" + " " * 1_000_000 + "end",
    "many controls": "\x1b" * 1_000_000,
}

# Lone surrogates, which files hold as U+FFFD.
HALVES = re.compile("[\ud800-\udfff]")


def recorded(value: Json) -> Json:
    """`value` as files hold it: verbatim, but for half characters, in keys too."""
    match value:
        case str():
            return HALVES.sub("\ufffd", value)
        case list():
            return [recorded(item) for item in value]
        case dict():
            return {HALVES.sub("\ufffd", name): recorded(item) for name, item in value.items()}
    return value


# The longest line that may come of a stranger's text where no terminal folds it, with its escapes.
LONGEST_LINE = 2100
# What rich sends to a terminal: colours, and the cursor's ways within its own display.
RICH = re.compile(r"\x1b\[(\d+(;\d+)*m|\d*[AK]|2K|\?25[lh])|\r")
# Controls, what steers writing directions or is invisible, lone surrogates, and separators of lines.
FORGED = re.compile(r"(fleetscan: ?error|warning): ?forged")
COMMANDS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def harm_in(shown: str, *, is_terminal: bool = False) -> list[str]:
    """What in `shown` could do harm, in words; on a terminal rich's own escapes are none."""
    text = RICH.sub("", shown) if is_terminal else shown
    lines = text.split("\n")
    commands = {letter for line in lines for letter in line if unicodedata.category(letter) in COMMANDS}
    found = [f"a command: {letter!a}" for letter in sorted(commands)]
    found += [f"a line of {len(line)} characters" for line in lines if len(line) > LONGEST_LINE]
    found += [f"a forged line: {line[:60]!a}" for line in lines if FORGED.match(line)]
    return found + ([f"{len(lines)} lines"] if len(lines) > 400 else [])
