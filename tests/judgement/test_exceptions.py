"""The exceptions file: what is read, what each refusal says, and what an exception covers."""

from __future__ import annotations

import random
import re
import time
from datetime import date
from fnmatch import fnmatchcase

import pytest

from fleetscan.errors import UsageError
from fleetscan.judgement.covered import Covered, places_in
from fleetscan.judgement.exceptions import PatchException, exceptions_of
from fleetscan.records.patches import Patch, PatchReader
from fleetscan.records.row import Row
from tests import series
from tests.hostile import HOSTILE
from tests.judgement.fleets import assessed, drawn, entry, package
from tests.records.examples import machine

SUBSCRIPTION = "/subscriptions/11111111-2222-3333-4444-555555555555"
VM = f"{SUBSCRIPTION}/resourceGroups/RG/providers/Microsoft.Compute/virtualMachines/vm-1"
REST = 'patch = "*"\nreason = "r"\nowner = "o"\nexpires = 2027-01-31\n'


def one(**changed: str | None) -> str:
    """An entry with these lines; None leaves a key out."""
    lines = {"patch": '"KB5034441"', "reason": '"r"', "owner": '"o"', "expires": "2027-01-31"} | changed
    return "[[exception]]\n" + "".join(
        f"{key} = {value}\n" for key, value in lines.items() if value is not None
    )


def read_one(**changed: str | None) -> PatchException:
    (found,) = exceptions_of(one(**changed), "exceptions.toml")
    return found


def row(name: str = "vm-1", *entries: dict[str, object], os_type: str = "Windows") -> Row:
    return assessed(machine(name, os_type=os_type), [*entries])  # type: ignore[list-item]


def patch(listed: dict[str, object], os_type: str = "Windows") -> Patch:
    return PatchReader().of(row("vm-1", listed, os_type=os_type))[0]


def covers(scope: str, of: Row) -> bool:
    found = read_one(scope=scope)
    return Covered([found]).on_vm(of) == 1


def covers_patch(wanted: str, of: Patch) -> bool:
    return Covered([read_one(patch=f"'{wanted}'")]).on_patch(of) == 1


def test_a_file_of_two_entries_is_read() -> None:
    text = """
        # Until the partition is larger.
        [[exception]]
        scope = ["/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/legacy/",
                 "sql-*", "sql-*"]
        patch = "kb 5034441"
        reason = "needs a larger\\n recovery partition"
        owner = " windows-team "
        expires = 2027-01-31
        [[exception]]
        patch = 5034442
        reason = "r"
        owner = "o"
        expires = "2027-02-28"
    """
    assert exceptions_of("\ufeff" + text, "exceptions.toml") == (
        PatchException(
            1,
            (f"{SUBSCRIPTION}/resourceGroups/legacy", "sql-*"),
            "KB5034441",
            "needs a larger recovery partition",
            "windows-team",
            date(2027, 1, 31),
        ),
        PatchException(2, (), "KB5034442", "r", "o", date(2027, 2, 28)),
    )


@pytest.mark.parametrize("text", ["", "# none\n", "exception = []\n"])
def test_a_file_without_an_entry_has_no_exceptions(text: str) -> None:
    assert exceptions_of(text, "x.toml") == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (one() + one(expires="2027-02-30"), "x.toml is not valid TOML, in exception 2: "),
        (one(expires="31.01.2027"), "x.toml is not valid TOML, in exception 1: "),
        (one() + one() + 'owner = "p"', "x.toml is not valid TOML, in exception 2: "),
        ("scope: all", "x.toml is not valid TOML: "),
        ("a = " + "[" * 5000, "x.toml is not valid TOML: "),
        ("a = " + "9" * 5000, "x.toml is not valid TOML: "),
        ("[exception]\n" + REST, "x.toml: exception must be a table with two brackets; write [[exception]]"),
        ("exception = 1", "x.toml: exception must be a table with two brackets; write [[exception]]"),
        ("[[exceptions]]\n" + REST, "x.toml: unknown table 'exceptions'; write [[exception]]"),
        (REST, "x.toml: unknown key 'patch'; write [[exception]]"),
        (
            one() + one(expires='"2027-02-30"'),
            "x.toml, exception 2: expires must be a date of the calendar, not '2027-02-30'; "
            "write expires = 2027-01-31",
        ),
        (one(expires='"20270131"'), "expires must be a date of the calendar, not '20270131'; write"),
        (one(expires='"soon"'), "expires must be a date of the calendar, not 'soon'; write"),
        (one(expires="20270131"), "expires must be a date of the calendar, not 20270131; write"),
        (one(expires="true"), "expires must be a date of the calendar, not True; write"),
        (one(expires="2027-01-31T00:00:00Z"), "expires must be a date of the calendar, not 2027-01-31T00:00"),
        (one(expires="07:30:00"), "expires must be a date of the calendar, not "),
        (one(expires=None), "x.toml, exception 1: expires is missing; write expires = 2027-01-31"),
        (one(reason=None), 'x.toml, exception 1: reason is missing; write reason = "why it does not count"'),
        (one(reason='" \\t"'), 'reason is empty; write reason = "why it does not count"'),
        (one(reason="7"), "reason must be a text, not 7; write"),
        (one(owner=None), 'owner is missing; write owner = "who answers for it"'),
        (
            one(owner='"\\u001b[2J"'),
            "owner must be 1000 characters that can be printed, at most, not '\\x1b[2J'",
        ),
        (one(patch=None), 'patch is missing; write patch = "KB5034441"'),
        (one(patch='["a", "b"]'), "patch must be one text; write one [[exception]] for each patch"),
        (one(patch="0"), "patch must be a text, not 0; write"),
        (one(patch="true"), "patch must be a text, not True; write"),
        (one(patch=f'"{"a*" * 501}"'), "patch must be 1000 characters that can be printed, at most, not "),
        (one(scope="[]"), "x.toml, exception 1: scope is empty; leave it out for the whole fleet"),
        (one(scope='""'), "scope is empty; write scope = "),
        (one(scope='["vm-1", " "]'), "scope is empty; write scope = "),
        (one(scope="[1]"), "scope must be a text, not 1; write scope = "),
        (one(scope="{ a = 1 }"), "scope must be a text, not {'a': 1}; write scope = "),
        (one(scope='"resourceGroups/legacy"'), "scope 'resourceGroups/legacy' matches no resource id; write"),
        (one(scope='"/subscriptions/"'), "scope '/subscriptions/' matches no resource id; write"),
        (one(scope='"resourceGroups/l*"'), "scope 'resourceGroups/l*' matches no resource id; write"),
        (
            one(scope='"11111111-2222-3333-4444-555555555555"'),
            "has no slash, so that it is a VM's name; write /subscriptions/11111111-2222-3333-"
            "4444-555555555555",
        ),
        (one(expire="1"), "x.toml, exception 1: unknown key 'expire'; did you mean expires?"),
        (one(note="1"), "unknown key 'note'; known keys: scope, patch, reason, owner, expires"),
    ],
)
def test_an_entry_that_cannot_be_read_is_refused_with_file_number_and_what_to_write(
    text: str, says: str
) -> None:
    with pytest.raises(UsageError) as refused:
        exceptions_of(text, "x.toml")
    told = str(refused.value)
    assert says in told
    assert told.startswith("x.toml")
    assert len(told) < 500


@pytest.mark.parametrize("text", HOSTILE.values())
def test_hostile_text_is_refused_or_read_and_never_raises_anything_else(text: str) -> None:
    quoted = '"' + "".join(f"\\U{ord(each):08x}" for each in text[:2000]) + '"'
    files = [text, *(one(**{key: quoted}) for key in ("scope", "patch", "reason", "owner", "expires"))]
    for file in [*files, f"{quoted} = 1", f"[[exception]]\n{quoted} = 1"]:
        told = refusal_of(file)
        assert len(told) < 600
        assert told.isprintable()


def refusal_of(text: str) -> str:
    """What is said no with; nothing where the file is read."""
    try:
        exceptions_of(text, "x.toml")
    except UsageError as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize(
    ("scope", "is_covered"),
    [
        (VM, True),
        (VM.upper(), True),
        (f"{VM}/", True),
        (f"{VM}0", False),
        (VM[:-1], False),
        (SUBSCRIPTION, True),
        (SUBSCRIPTION[:-1], False),
        (f"{SUBSCRIPTION}/resourcegroups/rg", True),
        (f"{SUBSCRIPTION}/resourcegroups/r", False),
        ("/subscriptions/22222222-2222-3333-4444-555555555555", False),
        (f"{SUBSCRIPTION}/*", True),
        ("/subscriptions/*/VM-?", True),
        ("/subscriptions/*/vm-", False),
        ("*/resourceGroups/rg/*", True),
        ("*/resourceGroups/rg", False),
        ("/sub*/vm-[12]", True),
        ("/sub*/vm-[!12]", False),
        ("vm-1", True),
        ("VM-1", True),
        ("vm-", False),
        ("*-1", True),
        ("?", False),
        ("RG", False),
        ("*", True),
    ],
)
def test_a_scope_with_a_slash_is_about_the_id_and_one_without_about_the_name(
    scope: str, is_covered: bool
) -> None:
    assert covers(f"'{scope}'", row("vm-1")) is is_covered


def test_one_text_of_a_scope_is_enough_and_without_a_scope_the_fleet_is_covered() -> None:
    assert covers("['other', 'vm-1']", row("vm-1"))
    assert not covers("['other', 'vm-2']", row("vm-1"))
    assert Covered([read_one()]).on_vm(row("any")) == 1


@pytest.mark.parametrize(
    ("wanted", "is_covered"),
    [
        ("KB5000007", True),
        ("kb 5000007", True),
        ("5000007", True),
        ("kb500000", False),
        ("KB50000*", True),
        ("kb500000?", True),
        ("*", True),
        ("update 7 (kb5000007)", True),
        ("Update 7", False),
        ("upd*", True),
        ("*definition*", False),
    ],
)
def test_a_windows_patch_is_meant_by_its_kb_a_glob_or_its_title(wanted: str, is_covered: bool) -> None:
    assert covers_patch(wanted, patch(entry(7, "Security"))) is is_covered  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "is_covered"),
    [("openssl", True), ("OpenSSL", True), ("open", False), ("open*", True), ("*", True)],
)
def test_a_package_is_meant_by_its_name_or_a_glob(wanted: str, is_covered: bool) -> None:
    assert covers_patch(wanted, patch(package("openssl", "Security"), "Linux")) is is_covered  # type: ignore[arg-type]


def test_an_exception_holds_on_its_last_day_and_has_expired_on_the_next() -> None:
    found = read_one(expires="2027-01-31")
    assert not found.has_expired(date(2027, 1, 31))
    assert found.has_expired(date(2027, 2, 1))


def test_hostile_globs_take_no_longer_than_others() -> None:
    begun = time.process_time()
    for glob in ("*a" * 400, "*" * 900, "?" * 900, "[" * 900, "*[!a]" * 180, "[a-z]*" * 160, "*?" * 400):
        scope = Covered([read_one(scope=f"'{glob}'", patch=f"'{glob}'"), read_one(scope=f"'*/{glob}b'")])
        for _ in range(50):
            scope.on_vm(row("a" * 64))
            scope.on_patch(patch({**package("a" * 1000 + "c")}, "Linux"))
    assert time.process_time() - begun < 5


@pytest.mark.series
@pytest.mark.parametrize("seed", range(series.length(100, 1000)))
def test_random_exceptions_cover_what_a_naive_look_at_each_text_says(seed: int) -> None:
    draw = random.Random(seed)
    scopes = [
        None,
        "'sql-*'",
        "'WEB-1'",
        "'*-[1-3]'",
        f"'{SUBSCRIPTION}'",
        f"'{SUBSCRIPTION}/resourceGroups/prod'",
    ]
    scopes += ["'*/DEV/*'", "['app-?', '/subscriptions/aaaa*']", "'*'", "'*.3'", "'/subscriptions/*.[45]'"]
    wanted = ["'*'", "'5000001'", "'lib1'", "'lib[23]'", "'*definition*'", "'kb500000*'", "'(unnamed)'"]
    text = "".join(
        one(scope=draw.choice(scopes), patch=draw.choice(wanted)) for _ in range(draw.randrange(8))
    )
    exceptions = exceptions_of(text, "x.toml")
    covered = Covered(exceptions)
    for of, aged in drawn(draw).rows:
        on_vm = [n for n, each in enumerate(exceptions) if is_in_scope(each, of)]
        assert [*places_in(covered.on_vm(of))] == on_vm
        for each, _ in aged:
            on_patch = [n for n, exception in enumerate(exceptions) if is_meant(exception.patch, each)]
            assert [*places_in(covered.on_patch(each))] == on_patch


def is_in_scope(exception: PatchException, of: Row) -> bool:
    vm_id, name = of["resource_id"].lower(), of["name"].lower()
    for text in map(str.lower, exception.scope):
        is_glob = re.search(r"[*?\[]", text)
        if is_glob and fnmatchcase(vm_id if "/" in text else name, text):
            return True
        if not is_glob and (("/" in text and f"{vm_id}/".startswith(f"{text}/")) or text == name):
            return True
    return not exception.scope


def is_meant(wanted: str, each: Patch) -> bool:
    text = wanted.lower()
    names = [each.key.lower(), (each.name or "").lower()]
    return any(fnmatchcase(name, text) if re.search(r"[*?\[]", text) else name == text for name in names)
