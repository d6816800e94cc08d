"""What a page says of what is judged: ages with their basis, what is left out, service levels, nights."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from fleetscan.judgement.standards import NO_STANDARDS, Standards, standards_of
from fleetscan.model import Json
from fleetscan.records.row import Row
from fleetscan.report.digest import report_of
from fleetscan.report.page import render
from fleetscan.report.page.render import Beside
from fleetscan.runs.reader import Run, open_run
from tests.page.judged_runs import excepting, judged, night
from tests.page.runs import altered_run, ordinary_run
from tests.page.test_page_words import words_of
from tests.page.unpacked import data_of, id_of, vms_of
from tests.report.small_runs import edit_facts, kb, package, small_run, unassessed, vm


def page_of(run: Run, standards: Standards = NO_STANDARDS, history: Path | None = None) -> str:
    """The page of a run as HTML."""
    return render.page_of(run, Beside(standards=standards, history=history)).html


def run_of(path: Path, rows: list[Row], exit_code: int = 0) -> Run:
    """A complete run of 2026-11-23 with these rows."""
    small_run(path, rows, exit_code)
    edit_facts(path, started_at="2026-11-23T02:00:00.000000Z")
    return open_run(path)


def part(page: str, heading: str) -> str:
    """The words of the section that a heading begins, up to the next one."""
    found = re.search(rf"<h3[^>]*>(?:<bdi>)?{heading}.*?(?=<h3|</main>)", page, re.DOTALL)
    assert found is not None, heading
    return words_of(found.group())


# Ages.


def test_the_oldest_patch_is_told_with_its_day_basis_and_vms(tmp_path: Path) -> None:
    rows = [
        vm("web", 1, 0, [kb(5034441, day="2026-10-14")]),
        vm("app", 1, 0, [kb(5034441, day="2026-10-14")]),
    ]
    page = page_of(run_of(tmp_path / "run", rows))
    told = part(page, "How long patches have been missing")
    assert "KB5034441" in told
    assert (
        "has been missing for 40 days since it was published, on 2026-10-14: on 2 VMs, the first of them app"
        in told
    )
    assert "31 to 60 days 2 published 2 published 2 published 1 published" in told
    assert "Oldest missing patch 40 days since published: KB5034441" in words_of(page)


def test_what_has_no_known_age_is_unknown_and_never_young(tmp_path: Path) -> None:
    rows = [
        vm("web", 2, 0, [package("openssl"), package("curl")], os_type="Linux"),
        vm("app", 1, 0, [kb(1, day="2026-11-20")]),
    ]
    told = part(page_of(run_of(tmp_path / "run", rows)), "How long patches have been missing")
    assert "2 missing patches are of unknown age, 2 of them critical or security, on 1 VM" in told
    assert "on Linux Azure tells no day of publication, and there is no history (--history)" in told
    assert "0 to 30 days 1 published 1 published" in told
    assert "Unknown 1 2 2 2" in told


def test_a_fleet_of_unknown_ages_alone_has_no_table_of_zeros(tmp_path: Path) -> None:
    page = page_of(run_of(tmp_path / "run", [vm("web", 1, 0, [package("openssl")], os_type="Linux")]))
    assert "0 to 30 days" not in part(page, "How long patches have been missing")
    assert "Oldest missing patch" not in words_of(page)


def test_what_is_counted_and_not_listed_is_of_unknown_age(tmp_path: Path) -> None:
    rows = [vm("web", 3, 0, [kb(1, day="2026-11-20")], error={"code": "PACKAGE_LIST_TRUNCATED"})]
    page = page_of(run_of(tmp_path / "run", rows))
    assert "At least 2 patches are counted and not listed on 1 VM" in part(
        page, "How long patches have been missing"
    )


def test_a_history_tells_first_sights_and_that_its_first_night_may_be_late(tmp_path: Path) -> None:
    run, beside = judged(tmp_path, 3)
    page = render.page_of(run, Beside(history=beside.history)).html
    told = part(page, "How long patches have been missing")
    assert "The history begins on 2026-11-20: what it saw first then may be older." in told
    assert " first seen" in told
    assert "unknown age" not in told
    assert "first s" not in part(page_of(ordinary_run(tmp_path / "run")), "How long patches")


def test_each_entry_of_a_vm_tells_its_age_and_basis(tmp_path: Path) -> None:
    run, beside = judged(tmp_path, 3)
    data = data_of(render.page_of(run, Beside(history=beside.history)).html)
    columns = {name: data["patches"][name] for name in ("published", "days", "basis", "cause")}
    entries = [
        {name: each["values"][each["at"][number]] for name, each in columns.items()}
        for number in range(len(data["patches"]["key"]))
    ]
    assert {entry["basis"] for entry in entries} == {"published", "first_seen"}
    for entry in entries:
        if entry["published"]:
            told = entry["basis"], entry["days"]
            assert told == ("published", (date(2026, 11, 23) - date.fromisoformat(entry["published"])).days)
        else:
            assert entry["days"] in range(4)
        assert entry["cause"] is None


# What does not count.


def test_figures_are_over_what_counts_and_each_lowered_one_has_a_mark(tmp_path: Path) -> None:
    rows = [vm("web", 2, 1, [kb(1), kb(2), kb(3, "Definition")]), vm("app", 1, 0, [kb(2)])]
    run = run_of(tmp_path / "run", rows)
    page = page_of(run, excepting('patch = "KB2"'))
    said = words_of(page)
    assert "Critical and security patches missing † 1 on 1 VM; 1 other patches missing" in said
    assert "2 critical and security, 0 other left out" in said
    assert "Compliance † 50.00 %" in said
    # No other patch is left out: its figure is as Azure counts it.
    assert "Other †" not in said
    assert "†" not in words_of(page_of(run))
    told = part(page, "What does not count")
    assert "2 missing patches are left out on 2 VMs" in told
    data = data_of(page)
    assert {vm["name"]: vm["critical"] for vm in vms_of(data)} == {"web": 1, "app": 0}
    by_key = dict(
        zip(
            data["patches"]["keys"],
            zip(data["patches"]["vms"], data["patches"]["leftOut"], strict=True),
            strict=True,
        )
    )
    assert by_key == {"KB1": (1, 0), "KB2": (0, 2), "KB3": (1, 0)}


def test_what_is_left_out_stays_in_the_list_of_its_vm_with_its_cause(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", [vm("web", 2, 1, [kb(1), kb(2), kb(3, "Definition")])])
    data = data_of(page_of(run, excepting('patch = "KB2"', ignored=["definition"], as_of="2026-11-10")))
    (machine,) = vms_of(data)
    causes = data["patches"]["cause"]
    told = {
        key: causes["values"][causes["at"][number]]
        for key, number in zip(machine["patches"], machine["entries"], strict=True)
    }
    assert told == {
        "KB1": None,
        "KB2": "exception 1, until 2027-01-31, team: because",
        "KB3": "classification definition is ignored",
    }


def test_the_most_missed_patches_are_those_that_count_as_in_every_view(tmp_path: Path) -> None:
    rows = [vm(f"vm-{number}", 1, 1, [kb(1, "Security"), kb(2, "Definition")]) for number in range(3)]
    rows.append(vm("web", 1, 1, [kb(1, "Definition", title="Old", day="2026-10-01"), kb(3)]))
    run, standards = run_of(tmp_path / "run", rows), standards_of(ignore_classification=["Security"])
    told = part(page_of(run, standards), "Most missed patches")
    patches = report_of(run, standards)["patches"]
    assert patches is not None
    assert [each["patch"] for each in patches] == ["KB2", "KB1"]
    assert "VMs † KB2 Update Update other 3 KB1 Old Old other 1 All 3 patches" in told


def test_an_expired_exception_is_shouted_and_an_unused_one_is_named(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", [vm("web", 1, 0, [kb(1)])])
    standards = excepting('patch = "KB1"', expires="2026-11-22")
    page = page_of(run, standards)
    said = words_of(page)
    assert "EXPIRED: 1 exception has run out, so that what it covered counts again." in said
    told = part(page, "What does not count")
    assert "EXPIRED exception 1 KB1 the whole fleet because team , until 2026-11-22" in told
    assert "1 count again 1" in told
    assert "Nothing that is missing is left out" in told
    unused = part(page_of(run, excepting('patch = "KB9"')), "What does not count")
    assert "unused: covers nothing that is missing exception 1" in unused
    shadowed = part(page_of(run, excepting('patch = "KB1"', ignored=["security"])), "What does not count")
    assert "shadowed: covers only what is left out already" in shadowed


def test_ignored_classifications_and_the_day_are_said_with_their_counts(tmp_path: Path) -> None:
    rows = [vm("web", 1, 1, [kb(1, day="2026-11-20"), kb(3, "Definition")])]
    standards = standards_of(ignore_classification=["Definition"], as_of="2026-11-10")
    told = part(page_of(run_of(tmp_path / "run", rows), standards), "What does not count")
    assert "Classification Definition is ignored: 1 patch on 1 VM." in told
    assert "Published after 2026-11-10: 1 patch on 1 VM." in told


def test_a_page_without_standards_says_nothing_of_leaving_out(tmp_path: Path) -> None:
    said = words_of(page_of(ordinary_run(tmp_path / "run")))
    for word in ("does not count", "Service levels", "gate", "Night by night", "What changed", "EXPIRED"):
        assert word not in said


# Service levels and gates.


def test_service_levels_are_told_by_vm_and_class_with_the_worst(tmp_path: Path) -> None:
    rows = [
        vm("web", 1, 0, [kb(1, "Critical", day="2026-11-01")]),
        vm("app", 1, 0, [kb(2, "Security", day="2026-11-01")]),
        vm("sql", 0, 1, [package("curl", "Other")], os_type="Linux"),
        unassessed("jump"),
    ]
    page = page_of(
        run_of(tmp_path / "run", rows, 3), standards_of(sla="critical=7d, security=30d, other=90d")
    )
    told = part(page, "Service levels")
    assert "VMs within 1" in told
    assert "VMs in breach 1" in told
    assert "VMs unknown 2" in told
    figures = ("Critical at most 7 days 7 days 0 1 0", "Security at most 30 days 30 days 1 0 0")
    assert all(each in told for each in (*figures, "Other at most 90 days 90 days 0 0 1"))
    assert "KB1 critical 22 days since published 7 days 1" in told
    assert told.index("web") < told.index("KB1 critical")
    assert "cut short" not in told


def test_gates_that_were_not_passed_are_told_at_the_top(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", [vm("web", 1, 0, [kb(1)])])
    said = words_of(page_of(run, standards_of("critical_and_security>0, coverage<50%")))
    assert "1 gate was not passed. Critical_and_security is 1, more than 0" in said
    assert said.index("1 gate was not passed") < said.index("To mend first")
    assert "All gates were passed." in words_of(page_of(run, standards_of("coverage<50%")))


def test_gates_of_a_run_that_is_not_complete_are_not_judged_and_that_is_said(tmp_path: Path) -> None:
    run = altered_run(tmp_path / "run", exit_code=5, interrupted=3)
    assert "The gates are not judged: that needs a complete run." in words_of(
        page_of(run, standards_of("failed>0"))
    )


# What changed.


def test_what_changed_has_the_words_of_a_diff_and_links_to_what_is_here(tmp_path: Path) -> None:
    old = run_of(tmp_path / "old", [vm("web", 1, 0, [kb(1)]), vm("gone"), vm("bad")])
    new = run_of(tmp_path / "new", [vm("web", 1, 0, [kb(2)]), unassessed("bad"), vm("more")], 3)
    for run in (old, new):
        scope: Json = {
            "subscriptions": [
                {
                    "subscription_id": "11111111-2222-3333-4444-555555555555",
                    "name": None,
                    "state": "Enabled",
                    "tenant_id": None,
                }
            ],
            "not_enabled": [],
            "uniform_scale_set_vms": None,
        }
        edit_facts(run.path, scope=scope)
    page = render.page_of(open_run(new.path), Beside(since=open_run(old.path))).html
    told = part(page, "What changed since 2026-11-23 02:00 UTC")
    assert "Patches 1 newly missing, 1 installed" in told
    assert "VMs 1 new, 1 gone, 1 newly failing, 0 newly unseen, 0 seen again" in told
    assert "Selections" not in told
    section = page[page.index('id="overview/changes"') : page.index('id="h-ages"')]
    assert [*re.findall(r'<a href="#(vm|patch)/[^"]*"><bdi>([^<]*)', section)] == [
        ("vm", "bad"),
        ("vm", "more"),
        ("patch", "KB2"),
    ]
    assert "<bdi>gone</bdi>" in section
    assert "<bdi>KB1</bdi>" in section
    ids = {id_of(each, data_of(page)).lower().replace("/", "%2F") for each in vms_of(data_of(page))}
    assert {*re.findall(r'href="#vm/([^"]*)"', section)} <= ids


def test_runs_of_two_selections_are_said_to_be_so(tmp_path: Path) -> None:
    old, new = night(tmp_path / "old", 1), night(tmp_path / "new", 0)
    edit_facts(old.path, selection={"subscription": ["<b>Shop"], "endpoint": "https://management.azure.com"})
    page = render.page_of(new, Beside(since=open_run(old.path))).html
    assert "Selections subscription <b>Shop; now the whole fleet" in part(page, "What changed since")
    assert "&lt;b&gt;Shop" in page
