"""The codes that fleetscan makes up: each has its place in the table, with the reasons it goes with."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from fleetscan.engine import outcomes
from fleetscan.engine.refusal_codes import BY_STATUS, CODES, MESSAGES, REFUSED, Reach
from fleetscan.model import Ending, Fault, OwnCode, Reason, Reply, Stage
from fleetscan.report.own_codes import OWN_CODES, SPREADING

PACKAGE = Path(__file__).parents[2] / "fleetscan"
STATUSES = (400, 401, 403, 404, 408, 409, 410, 412, 422, 429, 500, 502, 503, 504)
TOO_LARGE = "the reply is too large"
LARGE = [Reply(status, detail=TOO_LARGE) for status in STATUSES]
ENDINGS: list[Ending] = [
    *(outcomes.refusal(reply, stage) for reply in LARGE for stage in (Stage.START, Stage.POLL)),
    *(outcomes.exhausted(reply, Stage.POLL) for reply in (*LARGE, Reply(200, detail=TOO_LARGE))),
    *(outcomes.exhausted(Reply(0, fault=fault, detail="broke"), Stage.START) for fault in Fault),
    outcomes.malformed(Reply(200, detail=TOO_LARGE), Stage.START, TOO_LARGE),
    outcomes.malformed(Reply(202), Stage.START, outcomes.NO_URL),
    outcomes.no_result(Reply(204), Stage.POLL, "the operation ended without a result"),
    outcomes.assessment(Reply(200), {"status": "Succeeded"}),
    outcomes.timed_out(Reply(200), Stage.POLL, 1800.0),
    outcomes.nothing_shown(),
    outcomes.fate_unknown(),
    outcomes.given_up(Stage.POLL, "westeurope", was_tried=True),
    outcomes.given_up(Stage.START, None, was_tried=False),
]


def test_every_code_of_fleetscans_own_is_in_the_table() -> None:
    assert set(OWN_CODES) == {*OwnCode, *Fault}


def test_no_code_is_written_into_the_code_by_hand() -> None:
    words = {code.value for code in OwnCode}
    found = [
        (path.name, node.value)
        for path in PACKAGE.rglob("*.py")
        if path.name != "model.py" and "simulator" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in words
    ]
    assert found == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_ending_has_a_reason_that_its_own_code_goes_with(ending: Ending) -> None:
    assert ending.error is not None
    assert ending.reason in OWN_CODES[_own(ending.error.code)].reasons


def test_every_refusal_that_can_spread_has_its_reason_in_the_table() -> None:
    refusals = [*CODES.values(), *BY_STATUS.values(), *(meant for _, meant in MESSAGES), REFUSED]
    spreading = {meant.reason for meant in refusals if meant.reach is not Reach.VM} | {Reason.DENIED}
    assert spreading | {Reason.UNREACHABLE} == set(SPREADING)


def _own(code: str | None) -> OwnCode | Fault:
    return next(each for each in OWN_CODES if each.value == code)
