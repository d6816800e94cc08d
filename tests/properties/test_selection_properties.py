"""Whatever a person selects by, it selects literally: no text alters a query, and no clause loses a VM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from fleetscan.inventory.pushed import pushed
from fleetscan.inventory.rules import Tag, folded
from fleetscan.inventory.sifting import Selection
from fleetscan.model import Target
from fleetscan.simulator.kql import read_query
from fleetscan.simulator.query import Row
from tests.inventory.listing_driver import A, vm_id

# Texts of a query's own signs, beside any.
HOSTILE = st.text(st.sampled_from("aB'\"\\|/@()[]*?!=~ \n\t,k\u212aIi\u0130\u0131\u00e4\u00c4"), max_size=12)
TEXTS = st.one_of(HOSTILE, st.text(max_size=12)).filter(str.strip)
TAG_NAMES = TEXTS.filter(lambda name: "=" not in name and not name.endswith("!"))


def shown(wanted: Mapping[str, Sequence[str]], row: Row) -> list[bool]:
    """Whether each clause that the rules become shows `row`; each must be one whole query."""
    clauses = [clause for _, clause in pushed(Selection(wanted).rules)]
    queries = [read_query(f"resources | where {clause} | project name | order by name") for clause in clauses]
    assert all(len(query.steps) == 2 and query.order for query in queries)
    return [query.apply(row) is not None for query in queries]


@given(TEXTS, st.sampled_from(["", "exclude_"]), st.sampled_from(["name", "resource_group"]), TEXTS)
def test_a_name_of_any_text_is_kept_or_left_out_as_its_rule_says(
    value: str, prefix: str, kind: str, name: str
) -> None:
    for each in (name, value):
        target = Target(vm_id("vm"), A, each, each)
        row: Row = {"name": each, "resourceGroup": each}
        is_kept = Selection({prefix + kind: [value]}).refused_by(target) is None
        if each == value:
            assert is_kept is not bool(prefix)
        assert not is_kept or all(shown({prefix + kind: [value]}, row))


@given(TAG_NAMES, TEXTS, TAG_NAMES, TEXTS, st.sampled_from(["{}", "{}={}", "{}!={}"]))
def test_a_tag_of_any_text_is_kept_or_left_out_as_its_rule_says(
    name: str, value: str, key: str, text: str, rule: str
) -> None:
    for tags in ({key: text}, {name: value}, {name.swapcase(): value}, {name: text}):
        target = Target(vm_id("vm"), A, "rg", "vm", tags=tags)
        row: Row = {"name": "vm", "tags": {**tags}}
        wanted = {"tag": [rule.format(name, value)]}
        if Selection(wanted).refused_by(target) is None:
            assert all(shown(wanted, row))
    own = Target(vm_id("vm"), A, "rg", "vm", tags={name: value})
    is_kept = Selection({"tag": [rule.format(name, value)]}).refused_by(own) is None
    assert is_kept is ("!=" not in rule)


@given(TAG_NAMES, st.one_of(st.just(""), TEXTS))
def test_a_rule_on_tags_reads_back_as_it_was_written(name: str, value: str) -> None:
    assert Tag.of(f"{name}={value}") == Tag(name, value)
    assert Tag.of(f"{name}!={value}") == Tag(name, value, is_negated=True)
    assert Tag.of(name) == Tag(name)


@given(st.text())
def test_folding_keeps_the_length_and_makes_no_letter_ascii(text: str) -> None:
    low = folded(text)
    assert len(low) == len(text)
    assert [each.isascii() for each in low] == [each.isascii() for each in text]
    assert folded(low) == low or not text.isascii()
