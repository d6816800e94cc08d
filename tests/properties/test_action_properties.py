"""A pattern of actions means the same to us as to a reader that tries every way, and a union only adds."""

from __future__ import annotations

from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st

from fleetscan.doctor.actions import PermissionSet, matches, permits

# Few letters, so that texts and patterns meet; no signs that fnmatch reads as more than themselves.
TEXTS = st.text("aB/.", max_size=12)
PATTERNS = st.text("aB/.*", max_size=12)
ACTIONS = st.lists(PATTERNS, max_size=4).map(tuple)
SETS = st.lists(st.builds(PermissionSet, ACTIONS, ACTIONS), max_size=4)


def by_trying(pattern: str, text: str) -> bool:
    """Whether the pattern stands for the text, found by trying each way to part it."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(by_trying(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and text[0].lower() == pattern[0].lower() and by_trying(pattern[1:], text[1:])


@given(PATTERNS, TEXTS)
def test_a_pattern_matches_as_a_slow_reader_and_as_fnmatch_say(pattern: str, text: str) -> None:
    assert matches(pattern, text) == by_trying(pattern, text)
    assert matches(pattern, text) == fnmatchcase(text.lower(), pattern.lower())


@given(st.lists(TEXTS, min_size=1, max_size=5), TEXTS)
def test_parts_of_an_action_with_stars_between_match_it(parts: list[str], more: str) -> None:
    assert matches("*".join(parts), more.join(parts))
    assert matches("*".join(parts).upper(), more.join(parts).lower())


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_text_is_read_as_a_pattern_without_fail(pattern: str, text: str) -> None:
    assert matches(pattern, text) in (True, False)
    assert matches("*", text)


@given(SETS, SETS, TEXTS)
def test_more_sets_never_take_away_and_their_order_does_not_count(
    some: list[PermissionSet], others: list[PermissionSet], action: str
) -> None:
    assert permits([*some, *others], action) == (permits(some, action) or permits(others, action))
    assert permits([*some, *others], action) == permits([*reversed(others), *some], action)


@given(SETS, TEXTS)
def test_a_set_is_as_the_documents_say_actions_less_not_actions(
    sets: list[PermissionSet], action: str
) -> None:
    told = any(
        any(by_trying(each, action) for each in one.actions)
        and not any(by_trying(each, action) for each in one.not_actions)
        for one in sets
    )
    assert permits(sets, action) == told
