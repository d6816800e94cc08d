"""What the pages name is there: no line escapes its test, and commands, flags, variables and files exist."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

import fleetscan
from fleetscan.cli.commands import every_settings
from fleetscan.cli.environment import unknown_variables
from fleetscan.settings.setting import settings_of
from fleetscan.simulator import Cloud, Scenario, serve
from tests.readme.pages import (
    CHECKOUT,
    DOCS,
    HIDDEN,
    MARKDOWN,
    README,
    TYPELESS,
    all_commands,
    blocks_of,
    text_of,
)
from tests.readme.tables import INSTEAD, NOT_RUN

TYPED = {command.text for command in all_commands()}
PAGE = README.read_text(encoding="utf-8")
# Flags that are no settings.
OWN_FLAGS = {"--help", "--version", "--config"}
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
COMMAND = re.compile(r"^(?:\$ )?(?:fleetscan [a-z]|jq |pip|python |make [a-z]|SELECT )", re.MULTILINE)


def name_of(path: Path) -> str:
    """The page as a test's id names it."""
    return str(path.relative_to(CHECKOUT))


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


@pytest.mark.parametrize("path", MARKDOWN, ids=name_of)
def test_every_flag_in_a_sentence_is_a_flag(path: Path) -> None:
    every = [setting for settings in every_settings() for setting in settings_of(settings)]
    twins = {f"--no-{setting.name}" for setting in every if setting.is_switch}
    known = OWN_FLAGS | twins | {f"--{setting.name}" for setting in every}
    # `--query` and others are of the lines above them, which are run.
    named = {found[1] for found in re.finditer(r"`(--[a-z][a-z-]*)[^`]*`", text_of(path))}
    assert named - known == set()


def test_every_variable_is_read() -> None:
    text = "".join(text_of(path) for path in MARKDOWN)
    named = dict.fromkeys(re.findall(r"FLEETSCAN_[A-Z_]*[A-Z]", text), "")
    assert len(named) >= 3
    assert list(unknown_variables(named)) == []


@pytest.mark.parametrize("path", [*MARKDOWN, *TYPELESS], ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    links = LINK.findall(COMMENT.sub("", path.read_text(encoding="utf-8")))
    ours = [link for link in links if not link.startswith(("http://", "https://"))]
    assert [link for link in ours if not is_there(path, link)] == []


def is_there(path: Path, link: str) -> bool:
    """Whether a link of the page at `path` leads to a file, and to a heading of it where it names one."""
    name, _, anchor = link.partition("#")
    target = path.parent / name if name else path
    return target.exists() and (not anchor or anchor in anchors_of(target))


def anchors_of(path: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_a_link_to_no_page_or_no_heading_is_found() -> None:
    assert is_there(README, "docs/sql.md#duckdb")
    assert not is_there(README, "docs/sql.md#no-such-heading")
    assert not is_there(README, "docs/no-such-page.md")


@pytest.mark.parametrize("path", [*MARKDOWN, *TYPELESS], ids=name_of)
def test_no_code_hides_from_the_test_of_its_page(path: Path) -> None:
    assert HIDDEN.search(path.read_text(encoding="utf-8")) is None
    if path in TYPELESS:
        blocks = blocks_of(path)
        assert [block for block in blocks if block.is_python or block.is_sql] == []
        assert [block for block in blocks if COMMAND.search(block.text)] == []


def test_every_page_of_docs_leads_from_the_readme() -> None:
    linked = {link.partition("#")[0] for link in LINK.findall(PAGE)}
    assert [path.name for path in DOCS.glob("*.md") if f"docs/{path.name}" not in linked] == []


async def test_the_picture_of_a_run_directory_is_true(tmp_path: Path) -> None:
    [picture] = [
        block.text
        for block in blocks_of(DOCS / "reading-the-results.md")
        if block.text.startswith("fleetscan-runs/")
    ]
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
