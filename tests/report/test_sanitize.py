"""Text of strangers: what a terminal would obey is spelled out, what a person reads stays."""

from __future__ import annotations

import pytest

from fleetscan.report.sanitize import fit, sanitize


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("vm-1 (Zürich) 東京", "vm-1 (Zürich) 東京"),
        ("two\r\nlines\tand\u2028more\x85", "two lines and more"),
        ("\x1b[31mred\x1b]0;title\x07", "\\x1b[31mred\\x1b]0;title\\x07"),
        ("abc\u202egpj.exe", "abc\\u202egpj.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("\x9b31m", "\\x9b31m"),
        ("lone \ud800", "lone \\ud800"),
        ("[red]markup[/red]", "[red]markup[/red]"),
    ],
)
def test_what_a_terminal_would_obey_is_spelled_out(text: str, shown: str) -> None:
    assert sanitize(text) == shown


def test_long_text_is_cut_and_says_so() -> None:
    assert sanitize("a" * 12, 12) == "a" * 12
    assert sanitize("a" * 13, 12) == "a" * 9 + "..."
    assert sanitize("\x1b" * 12, 12) == "\\x1b\\x1b\\..."


def test_what_an_encoding_lacks_is_spelled_out() -> None:
    assert fit("Zürich █", "ascii") == "Z\\xfcrich \\u2588"
    assert fit("Zürich █", "utf-8") == "Zürich █"
