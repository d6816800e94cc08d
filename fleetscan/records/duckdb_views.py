"""A run as DuckDB's views: SQL that says the type of every column, derived from the records' declarations.

Nothing is guessed from the first rows of a file, and a last line that a dying process did not finish is
passed over. Patches read as `records.patches` reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from fleetscan.records.flat_tables import PATCH_COLUMNS
from fleetscan.records.machine_row import PATCHES
from fleetscan.records.patches import PRESSING, UNNAMED
from fleetscan.records.row import Row
from fleetscan.records.run import COMPLETE, RunFacts
from fleetscan.records.sql_types import DAY, column_types, name_of, text_of
from fleetscan.records.totals import Totals

LINES, WHOLE_FILE = "newline_delimited", "unstructured"
# What names a VM in `vm_patch`, beside the patch.
WHOSE = (
    "scan_id",
    "resource_id",
    "subscription_id",
    "subscription_name",
    "resource_group",
    "name",
    "os_type",
)
# The fields of an entry in Azure's list, by both its sources' names.
ENTRY = dict.fromkeys(("name", "patchName", "kbId", "patchId", "version"), '"VARCHAR"') | {
    "classifications": '["VARCHAR"]',
    "rebootBehavior": '"VARCHAR"',
    "publishedDate": '"VARCHAR"',
    "publishedDateTime": '"VARCHAR"',
}
# What DuckDB takes for a pattern in a file's name.
PATTERN = "[*?"
PLAIN = re.compile(r"([^ -~])")
# A KB's number, as `patches.kb_of` takes it.
KB = r"'^\s*(?:KB)?\s*([0-9]*[1-9][0-9]*)\s*$', 1, 'i'"
# A moment as `azure_times` takes it, in upper case, and its offset. The year 1 is a time that was never set.
MOMENT = r"'[1-9]\d{3}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?'"
OFFSET = r"'Z$|[+-]\d\d:?\d\d$'"
# An entry `e`, read: "" says nothing.
TOLD: Mapping[str, str] = {
    "kb": "CASE WHEN os_type IS DISTINCT FROM 'Linux'\n"
    f"                THEN 'KB' || nullif(regexp_extract(e.kbId, {KB}), '') END",
    "name": "coalesce(nullif(e.name, ''), nullif(e.patchName, ''))",
    "id": "nullif(e.patchId, '')",
    "version": "nullif(e.version, '')",
    "words": "list_filter(e.classifications, lambda w: w <> '')",
    "reboot": "nullif(e.rebootBehavior, '')",
    "published": "upper(coalesce(nullif(e.publishedDate, ''), nullif(e.publishedDateTime, '')))",
}
# A patch `t`, of what was read.
PATCH: Mapping[str, str] = {
    "patch": f"coalesce(t.kb, t.name, t.id, {text_of(UNNAMED)})",
    "patch_name": "t.name",
    "kb": "t.kb",
    "version": "t.version",
    "classifications": "coalesce(t.words, [])",
    "is_critical_or_security": "coalesce(list_has_any(list_transform(t.words, lambda w: lower(w)),\n"
    f"                [{', '.join(map(text_of, sorted(PRESSING)))}]), false)",
    "reboot_behavior": "t.reboot",
    "published_on": f"""CASE WHEN regexp_full_match(t.published, {MOMENT}) THEN (try_cast(
                t.published || CASE WHEN regexp_matches(t.published, {OFFSET}) THEN '' ELSE 'Z' END
                AS TIMESTAMPTZ) AT TIME ZONE 'UTC')::{DAY} END""",
}


def views_of(results: str, totals: str | None, run: str) -> str:
    """The SQL of all macros and views over a run's files, each given by its path.

    `totals` is None where a run has none yet: its view is empty then. Raises as `literal_path` does.
    """
    return "\n".join(
        (
            _macro("vm", Row, LINES),
            _view("vm", f"vm_in({literal_path(results)})"),
            _patch_macro(),
            _view("vm_patch", f"vm_patch_in({literal_path(results)})"),
            _macro("totals", Totals, LINES),
            _view("totals", _nothing(Totals) if totals is None else f"totals_in({literal_path(totals)})"),
            _macro("run", RunFacts, WHOLE_FILE),
            _view("run", f"run_in({literal_path(run)})"),
        )
    )


def literal_path(path: str) -> str:
    """`path` as an expression of SQL, in ASCII, that DuckDB takes for this one file, whatever is in its name.

    Raises ValueError where the name is no Unicode text.
    """
    path.encode()
    parts = PLAIN.split("".join(f"[{each}]" if each in PATTERN else each for each in path))
    # What is no ASCII or no character to be seen stands at every second place.
    return " || ".join(f"chr({ord(part)})" if odd % 2 else text_of(part) for odd, part in enumerate(parts))


def _macro(view: str, record: type, shape: str) -> str:
    """A table of all files that a pattern means, such as the results of many nights."""
    columns = column_types(record)
    shown = ",\n    ".join(_shown(columns))
    types = ",\n        ".join(f"{text_of(name)}: {text_of(kind)}" for name, kind in columns.items())
    # A line that is no JSON becomes a row of nulls.
    torn = ", ignore_errors = true" if shape == LINES else ""
    return f"""\
CREATE OR REPLACE MACRO {view}_in(files) AS TABLE
SELECT
    {shown}
FROM read_json(files, format = {text_of(shape)}{torn}, columns = {{
        {types}
    }})
WHERE {name_of("schema")} IS NOT NULL;
"""


def _shown(columns: Mapping[str, str]) -> Iterator[str]:
    for name in columns:
        if name == "assessment":
            yield f"{_patches()} AS patches"
        yield name_of(name)
        if name == "exit_code":
            yield f"coalesce(exit_code IN ({', '.join(map(str, COMPLETE))}), false) AS is_complete"


def _view(view: str, source: str) -> str:
    """The view of one run's own file."""
    return f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM {source};\n"


def _nothing(record: type) -> str:
    """The columns of a record, without a row."""
    nulls = ", ".join(f"NULL::{kind} AS {name_of(name)}" for name, kind in column_types(record).items())
    return f"(SELECT {nulls}) WHERE false"


def _patch_macro() -> str:
    whose, columns = ", ".join(WHOSE), ", ".join(f"p.{name}" for name in PATCH_COLUMNS)
    return f"""\
-- One row for each patch that an assessed VM misses: one too where its list has a patch twice.
CREATE OR REPLACE MACRO vm_patch_in(files) AS TABLE
SELECT {whose},
    {columns}
FROM (
    SELECT *, unnest(list_filter(patches, lambda p, i: list_position(keys, p.patch) = i)) AS p
    FROM (
        SELECT {whose}, patches, list_transform(patches, lambda p: p.patch) AS keys
        FROM vm_in(files)
        WHERE outcome = 'assessed'
    )
);
"""


def _patches() -> str:
    """The list that came with an assessment, as a list of structs; null where none came."""
    whens = " ".join(
        f"WHEN {text_of(source.value)} THEN assessment->{text_of(name)}" for source, name in PATCHES.items()
    )
    shape = ",\n            ".join(f'"{name}": {kind}' for name, kind in ENTRY.items())
    return f"""list_transform(list_transform(
        json_transform(CASE source {whens} END, '[{{
            {shape}
        }}]'),
        lambda e: {_packed(TOLD)}
    ), lambda t: {_packed({name: PATCH[name] for name in PATCH_COLUMNS})})"""


def _packed(fields: Mapping[str, str]) -> str:
    """The fields of a struct, a line each."""
    lines = ",\n            ".join(f"{name} := {value}" for name, value in fields.items())
    return f"struct_pack(\n            {lines}\n        )"
