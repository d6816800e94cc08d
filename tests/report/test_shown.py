"""Tables of `fleetscan show` on screens of any width, and in memory that does not grow with the texts."""

from __future__ import annotations

import pytest

from fleetscan.model import Reason
from fleetscan.records.patches import PatchReader
from fleetscan.records.row import Row
from fleetscan.report.cells import cells, folded
from fleetscan.report.columns import OF_PATCH, OF_VM, OF_VM_PATCH, chosen, order_of
from fleetscan.report.shown import MACHINE_PATCHES, MACHINES, PATCHES, Wanted
from fleetscan.report.tables import lines_in
from tests.report.small_runs import kb, package, unassessed, vm

LONG = "a-resource-group-with-a-long-name"
WHOSE = ["name", "resource_group", "subscription"]
WIDTHS = [20, 24, 33, 40, 60, 80, 200]


def rows() -> list[Row]:
    """VMs with long names, wide characters too."""
    found = [
        vm("web", 12, 1, [kb(5034441, title="Cumulative update " * 9)]),
        vm("東京" * 15, 1, 3, [kb(8, title="更新" * 40)]),
        unassessed("locked", Reason.REFUSED, "The scope is locked by a policy. " * 5),
    ]
    for row in found:
        row["resource_group"] = LONG
    return found


def table(names: list[str], wanted: Wanted, width: int | None, whose: int = 0) -> list[str]:
    """The lines of a table with these columns."""
    view = MACHINES
    if wanted.patches:
        view = PATCHES if wanted.machine is None else MACHINE_PATCHES
    columns = chosen(names, view.columns, "columns")
    found = view.look(rows(), wanted, columns, None)
    return [*lines_in("table", columns, found.lines, width, whose)]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("names", "wanted", "whose"),
    [
        ([*WHOSE, "outcome", "critical", "other", "reboot"], Wanted(), 0),
        ([*WHOSE, "reason", "error_message"], Wanted(failed=True), 0),
        (["error_message", "to_do"], Wanted(failed=True), 0),
        (["vms", "patch", "critical", "published_on", "patch_name"], Wanted(patches=True), 0),
        ([*WHOSE, "patch", "version", "critical", "patch_name"], Wanted(patches=True, machine="*"), 3),
        ([*OF_VM], Wanted(), 0),
    ],
)
def test_no_line_is_wider_than_the_screen(names: list[str], wanted: Wanted, whose: int, width: int) -> None:
    lines = table(names, wanted, width, whose)
    assert lines
    assert max(map(cells, lines)) <= width


def test_a_number_and_a_patch_are_never_cut() -> None:
    for width in WIDTHS:
        shown = " ".join(" ".join(table(["vms", "patch", "patch_name"], Wanted(patches=True), width)).split())
        assert "KB5034441" in shown


def test_a_long_version_or_package_leaves_columns_on_an_ordinary_screen() -> None:
    many = [vm("web-prod-weu-001", 12, 1, [package("x" * 80), package("openssl-tools")], os_type="Linux")]
    for names, wanted, whose in (
        ([*WHOSE, "missing", "critical", "other", "reboot"], Wanted(missing="*"), 0),
        (["vms", "patch", "critical", "published_on", "patch_name"], Wanted(patches=True), 0),
    ):
        view = PATCHES if wanted.patches else MACHINES
        columns = chosen(names, view.columns, "columns")
        lines = [*lines_in("table", columns, view.look(many, wanted, columns, None).lines, 80, whose)]
        assert "CRITICAL" in lines[0]
        assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("width", "line"),
    [
        (90, "web-prod-weu-001  rg-billing-production  Landing Zone of Finance         1      0  no"),
        (80, "web-prod-weu-001  rg-billing-production  Landing Zon...         1      0  no"),
        (73, "web-prod-weu-001  rg-billing-prod...  Landing...         1      0  no"),
        (64, "web-prod-weu...  rg-bill...  Landing...         1      0  no"),
    ],
)
def test_a_subscription_is_cut_first_and_a_name_last(width: int, line: str) -> None:
    row = vm("web-prod-weu-001", 1)
    row["resource_group"], row["subscription_name"] = "rg-billing-production", "Landing Zone of Finance"
    columns = chosen([*WHOSE, "critical", "other", "reboot"], OF_VM, "columns")
    found = MACHINES.look([row], Wanted(), columns, None)
    assert [*lines_in("table", columns, found.lines, width)][1] == line


def test_where_there_is_no_room_for_columns_values_stand_below_the_name() -> None:
    assert table(["critical", *WHOSE[:2]], Wanted(machine="web"), 20) == [
        "web",
        "  critical: 12",
        "  resource group:",
        "  a-resource-group-w",
        "  ith-a-long-name",
    ]


def test_without_a_screen_nothing_is_cut() -> None:
    assert all(LONG in line for line in table([*WHOSE, "error_message"], Wanted(), None)[1:])
    assert any("Cumulative update " * 8 in line for line in table(["patch_name"], Wanted(patches=True), None))


def test_a_long_text_is_folded_at_blanks_and_a_long_word_anywhere() -> None:
    assert folded("one two three", 7) == ["one two", "three"]
    assert folded("abcdefghij k", 4) == ["abcd", "efgh", "ij k"]
    assert folded("東京東", 4) == ["東京", "東"]
    assert folded("", 4) == [""]


def test_every_column_of_every_view_can_be_shown_and_sorted_by() -> None:
    for view, wanted in (
        (MACHINES, Wanted()),
        (PATCHES, Wanted(patches=True)),
        (MACHINE_PATCHES, Wanted(patches=True, machine="web")),
    ):
        columns = [*view.columns.values()]
        for column in columns:
            words = column.name, column.heading, f"-{column.name}", f"-{column.heading}"
            orders = [order_of(word, view.columns) for word in words]
            assert None not in orders
            founds = [view.look(rows(), wanted, columns, order) for order in orders]
            found = founds[0]
            assert {len(each.lines) for each in founds} == {len(found.lines)}
            assert found.lines
            for form in ("table", "csv", "json", "markdown"):
                assert [*lines_in(form, columns, found.lines, 80)]


def test_a_heading_names_the_column_that_its_view_shows() -> None:
    assert chosen(["critical"], OF_VM, "columns")[0].name == "critical_and_security_count"
    assert chosen(["Critical"], OF_PATCH, "columns")[0].name == "is_critical_or_security"
    assert chosen(["CRITICAL"], OF_VM_PATCH, "columns")[0].name == "is_critical_or_security"
    assert chosen(["subscription"], OF_VM, "columns")[0].name == "subscription"


def test_texts_that_repeat_are_one_object_in_all_lines() -> None:
    columns = chosen(["resource_group"], OF_VM, "columns")
    many = [vm(f"vm-{number}") for number in range(3)]
    for row in many:
        row["resource_group"] = "".join(["rg-", "shop"])
    groups = {id(line[0]) for line in MACHINES.look(many, Wanted(), columns, None).lines}
    assert len(groups) == 1


def test_entries_that_are_no_texts_are_one_patch_where_they_say_the_same() -> None:
    reader, odd = PatchReader(), {"name": {"no": "text"}, "kbId": ["7"], "classifications": [["x"]]}
    one, two = reader.of(vm("a", 1, 0, [odd])), reader.of(vm("b", 1, 0, [odd]))  # type: ignore[list-item]
    assert one[0] is two[0]


def test_vms_whose_names_and_places_are_cut_alike_are_told_apart_below_their_lines() -> None:
    twins = [vm("web", 1), vm("web", 2), vm("alone", 3)]
    for number, row in enumerate(twins, start=1):
        row["resource_group"] = f"rg-billing-production-europe-{number}"
        row["subscription_name"] = "Landing Zone of the whole company"
    columns = chosen([*WHOSE, "critical", "other", "reboot"], OF_VM, "columns")
    found = MACHINES.look(twins, Wanted(), columns, None)
    lines = [*lines_in("table", columns, found.lines, 60)]
    assert max(map(cells, lines)) <= 60
    told = [line.strip() for line in lines if line.startswith("  ")]
    assert "web, rg-billing-production-europe-1, Landing Zone of the" in told
    assert "web, rg-billing-production-europe-2, Landing Zone of the" in told
    assert not any("alone" in line for line in told)
    wide = [*lines_in("table", columns, found.lines, 200)]
    assert len(wide) == 4
