"""The house's walls: which room may import which, what from outside, and how large a file may grow.

Read from the syntax tree, so that an import inside a function or under TYPE_CHECKING counts as well.
"""

from __future__ import annotations

import ast
import re
import shutil
import sys
import tomllib
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
PACKAGE = CHECKOUT / "fleetscan"
MAX_FILE_LINES = 350
MAX_FUNCTION_LINES = 40

# What a pure room cannot have: waiting, clocks, the network, the environment, a log.
IMPURE = frozenset({"asyncio", "logging", "os", "secrets", "selectors", "socket", "ssl", "subprocess"}) | {
    "sys",
    "threading",
    "time",
}
VALUES = frozenset({"model", "addresses", "errors", "places"})


@dataclass(frozen=True, slots=True)
class Room:
    """What a room may import: rooms of ours, packages of others, and what it may not of Python's own."""

    rooms: frozenset[str] = frozenset()
    packages: frozenset[str] = frozenset()
    barred: frozenset[str] = frozenset()


def of(*names: str) -> frozenset[str]:
    """A set of names."""
    return frozenset(names)


ROOMS = {
    "__init__": Room(
        of("cluster", "errors", "model", "planning", "records", "runs", "scanner", "settings", "version")
    ),
    "otel": Room(
        of("errors", "places", "records", "redacting", "report", "scanner", "telemetry", "version"),
        of("opentelemetry"),
    ),
    "redacting": Room(barred=IMPURE),
    "telemetry": Room(of("records", "runs", "version"), of("prometheus_client")),
    "version": Room(barred=IMPURE),
    "model": Room(barred=IMPURE),
    "clouds": Room(barred=IMPURE),
    "shards": Room(barred=IMPURE),
    "addresses": Room(of("clouds"), barred=IMPURE),
    "places": Room(barred=IMPURE),
    "errors": Room(of("places"), barred=IMPURE),
    "nearest": Room(barred=IMPURE),
    "not_tried": Room(barred=IMPURE),
    "outlook": Room(barred=IMPURE),
    "json_text": Room(of("model"), of("orjson"), barred=IMPURE),
    "azure_times": Room(of("model"), barred=IMPURE),
    "patch_counts": Room(of("model"), barred=IMPURE),
    "settings": Room(of("addresses", "clouds", "errors", "nearest", "places", "shards"), barred=IMPURE),
    "records": Room(VALUES | {"json_text", "azure_times", "patch_counts"}, barred=IMPURE),
    "judgement": Room(VALUES | {"nearest", "azure_times", "patch_counts", "records"}, barred=IMPURE),
    "runs": Room(VALUES | {"json_text", "records", "remote"}, of("zstandard")),
    "remote": Room(VALUES | {"json_text", "records", "runs"}, of("obstore")),
    "history": Room(VALUES | {"json_text", "records", "runs", "judgement"}),
    "engine": Room(
        of(
            "model", "addresses", "clouds", "json_text", "azure_times", "not_tried", "outlook", "patch_counts"
        ),
        barred=IMPURE | {"random", "uuid"},
    ),
    "azure": Room(VALUES | {"clouds", "redacting"}, of("aiohttp", "anyio", "azure", "yarl")),
    "inventory": Room(
        VALUES | {"nearest", "shards", "json_text", "azure_times", "records", "runs", "engine"}
    ),
    "scanner": Room(
        VALUES
        | {"version", "json_text", "settings", "records", "runs", "remote", "engine", "azure", "inventory"}
        | {"clouds", "history", "judgement", "outlook", "redacting", "shards", "telemetry"},
        of("anyio", "azure"),
    ),
    "cluster": Room(
        VALUES
        | {"version", "json_text", "settings", "records", "runs", "scanner", "merging"}
        | {"outlook", "places", "redacting"},
        of("anyio", "distributed"),
    ),
    "planning": Room(
        VALUES | {"json_text", "settings", "records", "engine", "inventory", "scanner"},
        of("anyio", "azure", "orjson"),
    ),
    "doctor": Room(
        VALUES
        | {"version", "settings", "records", "runs", "remote", "engine", "azure", "inventory", "scanner"},
        of("anyio", "azure"),
    ),
    "report": Room(
        VALUES
        | {"json_text", "nearest", "not_tried", "patch_counts", "records", "runs", "history", "judgement"},
        of("jinja2", "rich"),
    ),
    "export": Room(VALUES | {"json_text", "records", "runs", "history", "judgement"}, of("duckdb")),
    "merging": Room(VALUES | {"json_text", "records", "runs", "shards", "version"}),
    "simulator": Room(of("model"), of("orjson"), barred=IMPURE),
    "cli": Room(
        VALUES
        | {"version", "json_text", "settings", "records", "runs", "scanner", "planning", "report"}
        | {"nearest", "simulator", "cluster", "export", "history", "judgement", "outlook", "doctor"}
        | {"merging", "otel", "redacting", "remote", "shards"},
        of("anyio", "click", "pythonjsonlogger", "rich"),
    ),
    "__main__": Room(of("cli")),
}

# Packages whose module is not the first word of their name.
IMPORTED_AS = {"prometheus-client": "prometheus_client", "python-json-logger": "pythonjsonlogger"}

# The one file of its room that faces the network.
FILES = {"simulator/server.py": Room(of("model"), of("aiohttp"))}


def trespasses(package: Path) -> list[str]:
    """A line for each import in the package at `package` that reaches where it may not."""
    return [
        f"{path.relative_to(package).as_posix()} imports {name}"
        for path in sorted(package.rglob("*.py"))
        for name in imports(path)
        if not is_allowed(path.relative_to(package), name)
    ]


def is_allowed(path: Path, name: str) -> bool:
    """Whether the file at `path` inside the package may import the module `name`."""
    home = room_of(path)
    room = FILES.get(path.as_posix(), ROOMS[home])
    top, _, rest = name.partition(".")
    if top == "fleetscan":
        return (rest.partition(".")[0] or "__init__") in room.rooms | {home}
    # The second is where type checkers keep what Python itself has no name for.
    if top in sys.stdlib_module_names or top == "_typeshed":
        return top not in room.barred
    return top in room.packages


def room_of(path: Path) -> str:
    """The room of a file: its folder, or its own name at the top."""
    return path.parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """The modules a file imports, wherever in it; relative imports keep their dots and so fit nowhere."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module="fleetscan", names=names, level=0):
                yield from (module_of(alias.name) for alias in names)
            case ast.ImportFrom(module=module, level=level):
                yield "." * level + (module or "")


def circles(package: Path) -> list[set[str]]:
    """The sets of files in the package that import one another in a circle, by their modules' names."""
    files = {module_at(path.relative_to(package.parent)): path for path in package.rglob("*.py")}
    reached = {module: set(files_imported(path, files)) - {module} for module, path in files.items()}
    # Whatever is imported imports more: spread until nothing is added.
    while any(spread(module, reached) for module in reached):
        pass
    rings = {frozenset(two for two in reached[one] if one in reached[two]) for one in reached}
    return sorted((set(ring) for ring in rings if ring), key=sorted)


def spread(module: str, reached: dict[str, set[str]]) -> bool:
    """Add what the files reached from `module` reach; whether that was anything new."""
    more = set().union(*(reached[each] for each in reached[module])) - reached[module]
    reached[module] |= more
    return bool(more)


def files_imported(path: Path, files: Collection[str]) -> Iterator[str]:
    """The modules of ours that a file imports; `from a import b` reaches a.b where that is a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names if alias.name in files)
            case ast.ImportFrom(module=str(module), names=names):
                inner = [f"{module}.{alias.name}" for alias in names]
                yield from (name if name in files else module for name in inner if module in files)


def module_at(path: Path) -> str:
    """The module's name of a file, given from above the package."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def module_of(name: str) -> str:
    """What `from fleetscan import name` reaches: a room, or the package's own words."""
    return f"fleetscan.{name}" if name in ROOMS else "fleetscan"


def copy_with(tmp_path: Path, file: str, line: str) -> Path:
    """A copy of the package with one line added to one of its files."""
    package = tmp_path / "fleetscan"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    with (package / file).open("a", encoding="utf-8") as planted:
        planted.write(f"\n{line}\n")
    return package


def test_no_room_reaches_where_it_may_not() -> None:
    assert trespasses(PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "line", "found"),
    [
        ("engine/__init__.py", "import aiohttp", "engine/__init__.py imports aiohttp"),
        ("engine/__init__.py", "def f() -> None:\n    import time", "engine/__init__.py imports time"),
        ("engine/__init__.py", "import fleetscan.cli.main", "engine/__init__.py imports fleetscan.cli.main"),
        (
            "simulator/__init__.py",
            "from fleetscan import engine",
            "simulator/__init__.py imports fleetscan.engine",
        ),
        ("simulator/__init__.py", "import aiohttp.web", "simulator/__init__.py imports aiohttp.web"),
        ("records/__init__.py", "from ..engine import urls", "records/__init__.py imports ..engine"),
        ("settings/declared.py", "import click", "settings/declared.py imports click"),
        ("scanner/__init__.py", "import rich", "scanner/__init__.py imports rich"),
    ],
)
def test_a_planted_trespass_is_caught(tmp_path: Path, file: str, line: str, found: str) -> None:
    assert trespasses(copy_with(tmp_path, file, line)) == [found]


def test_no_files_import_one_another_in_a_circle() -> None:
    assert circles(PACKAGE) == []


def test_a_planted_circle_is_caught_at_type_checking_time_too(tmp_path: Path) -> None:
    planted = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from fleetscan.engine import start"
    package = copy_with(tmp_path, "engine/recover.py", planted)
    assert {"fleetscan.engine.recover", "fleetscan.engine.start"} <= circles(package)[0]


def thrice_named(package: Path) -> set[str]:
    """The file names that occur three times and more in the package: a search for one finds too much."""
    names = Counter(path.name for path in package.rglob("*.py"))
    return {name for name, count in names.items() if count > 2 and name != "__init__.py"}


def test_no_file_name_occurs_three_times() -> None:
    assert thrice_named(PACKAGE) == set()


def test_a_planted_third_file_of_a_name_is_caught(tmp_path: Path) -> None:
    package = copy_with(tmp_path, "azure/planted.py", "")
    (package / "engine" / "planted.py").touch()
    assert thrice_named(package) == set()
    (package / "records" / "planted.py").touch()
    assert thrice_named(package) == {"planted.py"}


def test_what_is_imported_from_others_is_declared() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    names = {
        line.partition(">")[0]
        for name in ("parquet", "otel", "dask", "storage")
        for line in (*project["dependencies"], *extras[name])
    }
    tops = {IMPORTED_AS.get(name) or name.partition("-")[0] for name in names}
    used = {package for room in (*ROOMS.values(), *FILES.values()) for package in room.packages}
    # uvloop is taken up by anyio where it is installed.
    assert used == tops - {"uvloop"}


def test_no_file_is_over_350_lines() -> None:
    too_long = {
        str(path.relative_to(CHECKOUT)): count
        for path in PACKAGE.rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > MAX_FILE_LINES
    }
    assert too_long == {}


def test_no_function_is_over_40_lines() -> None:
    too_long = {
        f"{path.relative_to(CHECKOUT)}:{node.name}": count
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (count := (node.end_lineno or 0) - node.lineno + 1) > MAX_FUNCTION_LINES
    }
    assert too_long == {}


def test_the_library_names_no_flag() -> None:
    """What to do is data: the command line alone puts its flags in its place, and helps with them."""
    # (The doctor names flags of other programs, in commands for a shell.)
    speaking = ("cli", "doctor", "report", "settings", "simulator")
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}: {node.value!r:.80}"
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] not in speaking
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(r"--[a-z]", node.value)
    ]
    assert found == []
