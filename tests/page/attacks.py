"""A run in which every text that a stranger can give is an attack on a page: VMs and a patch for each."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from fleetscan.judgement.exceptions import PatchException
from fleetscan.judgement.standards import standards_of
from fleetscan.model import Json
from fleetscan.records.row import Row
from fleetscan.report.page.render import Beside
from fleetscan.report.which_run import NewerRun
from fleetscan.runs.reader import Run, open_run
from tests.hostile import HOSTILE
from tests.page.browser import HARM
from tests.page.runs import altered_run, assessed
from tests.report.small_runs import edit_facts

DO = f"{HARM}=1"
MOST_CHARS = 20_000
ATTACKS = {name: text[:MOST_CHARS] for name, text in HOSTILE.items()} | {
    "script": f"<script>{DO}</script>",
    "end of script": f"</script><script>{DO}</script>",
    "end of data": f"</pre></template></textarea></title></style><script>{DO}</script>",
    "comment": f"<!--<script>--><img src=x onerror={DO}>",
    "attribute": f'" autofocus onfocus="{DO}" x="',
    "other attribute": f"' onmouseover='{DO}' tabindex=0 x='",
    "svg": f"<svg onload={DO}><animate onbegin={DO} attributeName=x dur=1s></svg>",
    "address": f"javascript:{DO}//",
    "template": "{{ 7 * 7 }}{% raw %}{{ self.__init__.__globals__ }}{# #}",
    "literal": f"${{{DO}}}`+{DO}+`",
    "style": "</style><style>*{display:none!important}</style>",
    "base": "<base href=https://example.net/><meta http-equiv=refresh content=0;url=https://example.net/>",
    "form": "<form action=https://example.net/><button autofocus>go</button></form>",
    "clobber": "<a id=data></a><form name=body id=failure><input name=attributes></form>",
    "prototype": "__proto__",
    "constructor": "constructor",
    "hash": "#vms?q=x&outcome=%00/../..%2F%25",
    "unbroken": "\u6771" * 300 + "W" * 300,
    "blank": " ",
}


def hostile_run(path: Path) -> Run:
    """The run."""
    return altered_run(
        path,
        _attacked,
        exit_code=3,
        interrupted=1,
        not_listed=[
            {"subscription_id": text, "code": text, "message": text, "http_status": 403}
            for text in ATTACKS.values()
        ],
        not_scanned=[{"subscription_id": text, "name": text, "state": text} for text in ATTACKS.values()],
        selection={"subscription": [*ATTACKS.values()][-3:], "name": ATTACKS["script"]},
    )


def hostile_beside(within: Path) -> Beside:
    """Standards, an earlier run and a history in which every text is an attack, too."""
    day = date(2027, 1, 31)
    exceptions = tuple(
        PatchException(number, (text, "sql-*"), text, text, text, day if number % 2 else date(2026, 1, 1))
        for number, text in enumerate(ATTACKS.values(), 1)
    )
    covering = tuple(
        PatchException(number, (), text, text, text, day)
        for number, text in enumerate(ATTACKS.values(), len(exceptions) + 1)
        if number % 2
    )
    standards = replace(
        standards_of("failed>0, age>1d", "critical=7d, security=30d, other=90d"),
        exceptions=exceptions + covering,
        ignored_classifications=(*ATTACKS.values(),),
    )
    old = altered_run(
        within / "old", lambda rows: _attacked(rows)[::3], selection={"name": ATTACKS["script"]}
    )
    edit_facts(old.path, scan_id="0ld", started_at="2026-11-22T02:00:00.000000Z")
    return Beside(
        newer=NewerRun(ATTACKS["script"], ATTACKS["end of script"], ATTACKS["attribute"]),
        standards=standards,
        since=open_run(old.path),
    )


def _attacked(rows: list[Row]) -> list[Row]:
    plain = assessed(rows)[0]
    failed = next(row for row in rows if row["outcome"] == "failed")
    return [
        _attack(row, text, number)
        for number, text in enumerate(ATTACKS.values())
        for row in (plain.copy(), failed.copy())
    ]


def _attack(row: Row, text: str, number: int) -> Row:
    row["resource_id"] = f"/{row['outcome']}/{number}/{text}"
    row["name"] = row["resource_group"] = row["subscription_id"] = row["subscription_name"] = text
    row["location"] = row["power_state"] = row["image"] = row["patch_mode"] = row["status"] = text
    row["os_name"] = row["os_version"] = text
    row["tags"] = {text: text}
    row["os_type"] = "Windows" if number % 2 else "Linux"
    if row["error"] is not None:
        row["error"] = {**row["error"], "code": text, "message": text, "correlation_id": text}
    else:
        patch: dict[str, Json] = {
            "name": text,
            "kbId": text,
            "version": text,
            "classifications": [text, "Security"],
        }
        row["assessment"] = {"availablePatches": [{**patch, "rebootBehavior": text, "publishedDate": text}]}
        row["critical_and_security_count"], row["other_count"] = 1, 0
    return row
