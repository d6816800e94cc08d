"""What is built: the sdist has all that packagers and operators need, and an index shows links that work."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from deploy.package_readme import for_index, repository_of

CHECKOUT = Path(__file__).parents[1]
REPOSITORY = "https://git.example/platform/fleetscan"
LINK = re.compile(r"\]\(([^)\s]+)\)")
# What a checkout has beside what belongs to it.
NOT_OURS = {
    ".git",
    ".venv",
    "__pycache__",
    "dist",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
}


def built(out: Path, repository: str = "") -> tuple[Path, Path]:
    """The sdist, and the wheel that is built from it."""
    environment = {**os.environ, "PACKAGE_REPOSITORY": repository}
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(CHECKOUT)]
    ended = subprocess.run(
        command, env=environment, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    [sdist], [wheel] = out.glob("*.tar.gz"), out.glob("*.whl")
    return sdist, wheel


def metadata(wheel: Path) -> Message:
    """What the index reads."""
    with zipfile.ZipFile(wheel) as file:
        [name] = [name for name in file.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_bytes(file.read(name))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A build where nothing is said of a repository."""
    return built(tmp_path_factory.mktemp("dist"))


def test_the_sdist_has_every_folder_of_the_checkout_and_the_files_for_operators(
    plain: tuple[Path, Path],
) -> None:
    with tarfile.open(plain[0]) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    wanted = {"SECURITY.md", "CHANGELOG.md", "README.md", "LICENSE", "CONTRIBUTING.md", "pyproject.toml"}
    wanted |= {
        "deploy/package_readme.py",
        "Makefile",
        ".ci/run",
        "configs/nightly.toml",
        "configs/constraints.txt",
    }
    for folder in ("deploy", "docs", "fleetscan", "tests"):
        ours = (path for path in (CHECKOUT / folder).rglob("*") if path.is_file())
        wanted |= {
            path.relative_to(CHECKOUT).as_posix() for path in ours if not NOT_OURS.intersection(path.parts)
        }
    assert wanted - names == set()
    assert not [name for name in names if NOT_OURS.intersection(Path(name).parts)]


def test_the_wheel_has_the_package_alone(plain: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(plain[1]) as file:
        tops = {name.partition("/")[0] for name in file.namelist()}
        assert "fleetscan/report/page/page.js" in file.namelist()
    assert tops == {"fleetscan", "fleetscan-0.1.0.dist-info"}


def test_without_a_repository_an_index_shows_no_link_that_leads_nowhere(plain: tuple[Path, Path]) -> None:
    told = metadata(plain[1])
    assert told.get_all("Project-URL") is None
    page = str(told.get_payload())
    assert told["Description-Content-Type"] == "text/markdown"
    assert [link for link in LINK.findall(page) if not link.startswith("https://")] == []
    assert "![" not in page
    assert "The page of a run: coverage and compliance" in page
    assert "Every night has crontab, systemd" in page.replace("\n", " ")


def test_with_a_repository_links_images_and_addresses_are_absolute_at_the_tag(
    tmp_path: Path,
) -> None:
    told = metadata(built(tmp_path, REPOSITORY)[1])
    assert told.get_all("Project-URL") == [
        f"Source, {REPOSITORY}",
        f"Documentation, {REPOSITORY}/blob/v0.1.0/README.md",
        f"Changelog, {REPOSITORY}/blob/v0.1.0/CHANGELOG.md",
        f"Security, {REPOSITORY}/blob/v0.1.0/SECURITY.md",
        f"Issues, {REPOSITORY}/issues",
    ]
    links = LINK.findall(str(told.get_payload()))
    assert [link for link in links if not link.startswith("https://")] == []
    assert f"{REPOSITORY}/raw/v0.1.0/docs/report.png" in links
    ours = [link.partition("#")[0] for link in links if link.startswith(REPOSITORY)]
    paths = [re.sub(rf"{REPOSITORY}/(blob|raw)/v0\.1\.0/", "", link) for link in ours]
    assert len(paths) >= 20
    assert [path for path in paths if not (CHECKOUT / path).is_file()] == []


def test_a_link_keeps_its_heading_and_absolute_ones_stay() -> None:
    page = "[a](docs/b.md#c) [d](#e) ![f](g.png) [h](https://i.example/j)"
    assert for_index(page, REPOSITORY, "v9") == (
        f"[a]({REPOSITORY}/blob/v9/docs/b.md#c) [d]({REPOSITORY}/blob/v9/README.md#e)"
        f" ![f]({REPOSITORY}/raw/v9/g.png) [h](https://i.example/j)"
    )
    assert for_index(page, "", "v9") == "a d f [h](https://i.example/j)"


@pytest.mark.parametrize(
    "told", ["git.example/x", "http://git.example/x", "https://git.example", "https://a b/c"]
)
def test_a_repository_that_is_no_address_is_refused(told: str) -> None:
    with pytest.raises(ValueError, match="PACKAGE_REPOSITORY must be such as"):
        repository_of(told)
    assert repository_of(f"{REPOSITORY}/") == REPOSITORY
