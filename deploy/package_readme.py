"""What a package index shows of a build: the project's addresses, and the README with links that work.

An index shows the README away from its repository, where relative links lead nowhere and images are broken.
Where the repository is, the builder says, in PACKAGE_REPOSITORY: then links and images are absolute, at the
version's tag. Without that a link is its text, an image its description, and there are no addresses.
"""

from __future__ import annotations

import os
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

REPOSITORY = "PACKAGE_REPOSITORY"
README = "README.md"
# A link or an image whose target is not absolute.
RELATIVE = re.compile(r"(!?)\[([^\]]*)\]\((?!https?://)([^)\s]+)\)")
URLS = {
    "Source": "",
    "Documentation": "/blob/{tag}/README.md",
    "Changelog": "/blob/{tag}/CHANGELOG.md",
    "Security": "/blob/{tag}/SECURITY.md",
    "Issues": "/issues",
}


class ReadmeOfIndex(MetadataHookInterface):
    """Fills in what `dynamic` in pyproject.toml leaves to the build, besides the version."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: MutableMapping[str, Any]) -> None:
        """Set `readme` and `urls`; raises ValueError for a repository that is no https address."""
        repository, tag = repository_of(os.environ.get(REPOSITORY, "")), f"v{_version(Path(self.root))}"
        page = (Path(self.root) / README).read_text(encoding="utf-8")
        text = for_index(page, repository, tag)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
        metadata["urls"] = urls_of(repository, tag)


def repository_of(told: str) -> str:
    """The address of the repository, "" where none was said; raises ValueError for what is none."""
    if told and re.fullmatch(r"https://[^\s/?#@]+/[^\s?#]+", told) is None:
        raise ValueError(f"{REPOSITORY} must be such as https://HOST/OWNER/fleetscan, not {told!r}")
    return told.rstrip("/")


def urls_of(repository: str, tag: str) -> dict[str, str]:
    """The project's addresses by their labels, as GitHub and GitLab have them."""
    return {label: repository + path.format(tag=tag) for label, path in URLS.items()} if repository else {}


def for_index(page: str, repository: str, tag: str) -> str:
    """The README without relative links."""

    def absolute(found: re.Match[str]) -> str:
        mark, text, target = found.groups()
        if not repository:
            return text
        path = target if not target.startswith("#") else README + target
        return f"{mark}[{text}]({repository}/{'raw' if mark else 'blob'}/{tag}/{path})"

    return RELATIVE.sub(absolute, page)


def _version(root: Path) -> str:
    told = (root / "fleetscan" / "version.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([^"]+)"', told, re.MULTILINE)
    assert found is not None, told
    return found[1]
