"""What is shown and saved: tables, chart, and the README's part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.ends_seen import Course, Ends
from benchmarks.saved import BEGIN, END, FIGURES, IN_README, excerpt, load, save, spliced
from benchmarks.scene import Scene
from benchmarks.table import table
from tests.benchmarks.bench_runs import a_run

CHECKOUT = Path(__file__).parents[2]
LIMITS = Scene(
    "limits: 800 VMs",
    "published limits",
    [
        a_run(
            "fleetscan", 800, 1.6, requests={"start": 800, "poll": 840}, throttled=0,
            span_s=250.0, bound_s=245.0,
        ),
        a_run(
            "sdk", 800, 8.0, requests={"start": 400}, throttled=5_000, span_s=240.0, bound_s=245.0,
            results=300, lost=420, unreached=80, trouble="stopped after 240 s",
        ),
    ],
)  # fmt: skip


def test_a_table_has_the_columns_that_some_line_fills_and_no_other() -> None:
    assert table(LIMITS, left_out=("runs", "peak MB", "wall s", "client")).splitlines() == [
        "| VMs | makespan s | bound s | over bound | CPU ms a VM | starts a VM | polls a VM "
        "| result reads a VM | 429s | VMs lost | not reached | remark |",
        "| --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --- |",
        "| 800 | 250.0 | 245.0 | 1.020 | 2.00 | 1.00 | 1.05 | 0.00 | 0 | 0 | 0 |  |",
        "| 800 | 240.0 | 245.0 |  | 26.67 | 0.50 | 0.00 | 0.00 | 5,000 | 420 | 80 | stopped after 240 s |",
    ]


def test_one_lost_machine_in_several_runs_is_shown() -> None:
    runs = [a_run("fleetscan", 10, 0.1), a_run("fleetscan", 10, 0.1), a_run("fleetscan", 10, 0.1, lost=1)]
    shown = table(Scene("no limits", "", runs), left_out=("CPU ms a VM", "peak MB", "wall s"))
    assert shown.splitlines()[-1] == "| fleetscan | 10 | 3 | 1 |"


def test_only_what_is_between_the_marks_changes() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert spliced(text, "new") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert spliced(spliced(text, "newer"), "new") == spliced(text, "new")


@pytest.mark.parametrize("text", ["no marks", f"{BEGIN} alone", f"{END} before {BEGIN}"])
def test_a_readme_without_both_marks_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="put both lines"):
        spliced(text, "new")


def test_a_later_measurement_keeps_the_scenes_it_did_not_take(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"# A\n{BEGIN}\n{END}\nZ\n")
    save([replace(LIMITS, name=IN_README)], "on Monday", tmp_path)
    growth = Scene("growth", "no limits", [a_run("fleetscan", 1, 0.5), a_run("fleetscan", 1001, 1.5)])
    save([growth], "on Tuesday", tmp_path)
    tables = (tmp_path / "docs/benchmarks/tables.md").read_text()
    heading = "## Limits: 4 subscriptions of 500 VMs"
    assert tables.index(heading) < tables.index("on Monday") < tables.index("on Tuesday")
    readme = (tmp_path / "README.md").read_text()
    assert "5,000" in readme
    assert readme.startswith("# A\n")
    assert readme.endswith(f"{END}\nZ\n")


def test_a_scene_in_virtual_time_is_kept_beside_those_of_clients(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"{BEGIN}{END}")
    seen = Course("40 VMs", 40, 1, 1.6, 3.1, 149.0, 148.0, 147.0, 1_000, 0, 0, 0)
    save([Ends("ends seen", "virtual time", [seen]), LIMITS], "on Monday", tmp_path)
    saved = load(tmp_path / "docs/benchmarks/figures.json")
    assert saved == [(Ends("ends seen", "virtual time", [seen]), "on Monday"), (LIMITS, "on Monday")]
    tables = (tmp_path / "docs/benchmarks/tables.md").read_text()
    assert "| 40 VMs | 1 | 1.6 | 3.1 | 149 | 1.014 | 1.007 | 25.0 | 0 | 0 | 0 |" in tables


def test_the_readme_has_the_table_of_one_scene_and_a_link_to_all() -> None:
    chosen = replace(LIMITS, name=IN_README)
    assert excerpt({LIMITS.name: LIMITS, IN_README: chosen}).splitlines() == [
        "![Bars: CPU a VM, and time to the last result](docs/benchmarks/chart.svg)",
        "",
        "**Limits: 4 subscriptions of 500 VMs**: published limits.",
        "",
        "| client | VMs | makespan s | CPU ms a VM | starts a VM | polls a VM | 429s "
        "| VMs lost | not reached | peak MB | remark |",
        "| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --- |",
        "| fleetscan | 800 | 250.0 | 2.00 | 1.00 | 1.05 | 0 | 0 | 0 | 50 |  |",
        "| sdk | 800 | 240.0 | 26.67 | 0.50 | 0.00 | 5,000 | 420 | 80 | 50 | stopped after 240 s |",
        "",
        "Made by `make bench`. [All figures](docs/benchmarks/tables.md), and the computer they come from.",
    ]


def test_the_readmes_part_is_that_of_the_saved_figures() -> None:
    scenes = {scene.name: scene for scene, _ in load(CHECKOUT / "docs" / "benchmarks" / FIGURES)}
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert readme == spliced(readme, excerpt(scenes))


def test_the_chart_says_how_many_have_a_result_where_not_all_have(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"{BEGIN}{END}")
    save([LIMITS], "on Monday", tmp_path)
    drawn = ElementTree.parse(tmp_path / "docs/benchmarks/chart.svg").iter()  # noqa: S314 - our own
    said = [element.text for element in drawn if element.text and element.text.strip()]
    assert said == [
        "Time to the last result, 800 VMs: less is better",
        "shortest that Azure's limits allow", "245 s",
        "fleetscan", "250 s",
        "sdk", "9 s: 300 of 800 have a result",
    ]  # fmt: skip
