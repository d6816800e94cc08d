"""What the pages name is there: no line escapes its test, and commands, flags, variables and files exist."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import fleetscan
from fleetscan.cli.commands import every_settings
from fleetscan.cli.environment import unknown_variables
from fleetscan.settings.setting import settings_of
from fleetscan.simulator import Cloud, Scenario, serve
from tests.readme.pages import CHECKOUT, MARKDOWN, README, RESULTS_PAGE, all_commands, blocks_of, text_of
from tests.readme.tables import INSTEAD, NOT_RUN

TYPED = {command.text for command in all_commands()}
PAGES = "\n".join(map(text_of, MARKDOWN))
LINK = re.compile(r"\]\(([^)\s]+)\)")
# Flags that are no settings.
OWN_FLAGS = {"--help", "--version", "--config"}


def test_every_indented_line_is_part_of_a_block() -> None:
    for path in MARKDOWN:
        lines = [line[4:] for line in text_of(path).splitlines() if line[:4] == " " * 4]
        read = [line for block in blocks_of(path) for line in block.text.splitlines() if line]
        assert lines == read


def test_a_line_that_is_listed_is_still_on_a_page() -> None:
    assert set(NOT_RUN) - TYPED == set()
    assert [words for words in INSTEAD if not any(words in typed for typed in TYPED)] == []


def test_every_listed_line_has_a_reason() -> None:
    assert all(NOT_RUN.values())


def test_make_lines_name_targets_and_python_lines_modules() -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    targets = {found[1] for typed in TYPED if (found := re.match(r"make ([a-z-]+)", typed))}
    modules = {found[1] for typed in TYPED if (found := re.match(r"python -m ([a-z_.]+)", typed))}
    assert targets
    assert modules
    assert [target for target in targets if not re.search(rf"^{target}: ", makefile, re.MULTILINE)] == []
    assert [module for module in modules if find_spec(module) is None] == []


def test_every_flag_in_a_sentence_is_a_flag() -> None:
    every = [setting for settings in every_settings() for setting in settings_of(settings)]
    twins = {f"--no-{setting.name}" for setting in every if setting.is_switch}
    known = OWN_FLAGS | twins | {f"--{setting.name}" for setting in every}
    # `--query` and others are of the lines above them, which are run.
    named = {found[1] for found in re.finditer(r"`(--[a-z][a-z-]*)[^`]*`", PAGES)}
    assert len(named) > 20
    assert named - known == set()


def test_every_variable_is_read() -> None:
    named = dict.fromkeys(re.findall(r"FLEETSCAN_[A-Z_]*[A-Z]", PAGES), "")
    assert len(named) >= 3
    assert list(unknown_variables(named)) == []


def test_links_lead_somewhere() -> None:
    dead = [
        f"{path.name}: {link}"
        for path in MARKDOWN
        for link in LINK.findall(text_of(path))
        if not leads(path, link)
    ]
    assert dead == []


def test_every_page_can_be_reached_from_the_first() -> None:
    names = {link.partition("#")[0] for link in LINK.findall(text_of(README))}
    assert {path.relative_to(CHECKOUT).as_posix() for path in MARKDOWN if path != README} <= names


def leads(page: Path, link: str) -> bool:
    """Whether a link of a page leads to a file, and to a heading in it where it names one."""
    name, _, anchor = link.partition("#")
    target = page.parent / name if name else page
    if link.startswith("http"):
        return True
    return target.exists() and (not anchor or anchor in anchors_of(target))


def anchors_of(page: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


async def test_the_picture_of_a_run_directory_is_true(tmp_path: Path) -> None:
    [picture] = [block.text for block in blocks_of(RESULTS_PAGE) if block.text.startswith("fleetscan-runs/")]
    drawn = set(re.findall(r"^    (\S+)", picture, re.MULTILINE))
    async with serve(Cloud(Scenario(machines=3, speed=2000.0, limits_speed=0.0))) as endpoint:
        runs = str(tmp_path / "fleetscan-runs")
        settings = fleetscan.Settings(endpoint=endpoint, runs=runs, first_poll_s=0.2)
        async with fleetscan.scan(settings, credential="any") as live:
            await live.finish()
    latest = tmp_path / "fleetscan-runs" / "latest"
    assert {path.name for path in latest.iterdir()} == drawn
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{8}", latest.resolve().name)
    assert re.match(r"fleetscan-runs/\d{8}T\d{6}Z-[0-9a-f]{8}/\n", picture)
