"""Every error says whose words its code and message are: Azure's, or fleetscan's own."""

from __future__ import annotations

import pytest

from fleetscan.engine import outcomes
from fleetscan.engine.replies import read_error
from fleetscan.model import CodeOrigin, Ending, Failure, Fault, Json, OwnCode, Reply, Source, Stage

TOLD: Json = {"code": "VMAgentFailed", "message": "The agent said no."}
ID = "11111111-0000-0000-0000-000000000001"


def reply(status: int = 200, body: bytes = b"") -> Reply:
    return Reply(status, {"x-ms-correlation-request-id": ID}, body)


OWN: dict[OwnCode, Ending] = {
    OwnCode.MALFORMED_REPLY: outcomes.malformed(reply(), Stage.POLL, "it makes no sense"),
    OwnCode.OPERATION_TIMEOUT: outcomes.timed_out(reply(), Stage.POLL, 1800.0),
    OwnCode.START_OF_UNKNOWN_FATE: outcomes.fate_unknown(),
    OwnCode.REGION_UNREACHABLE: outcomes.given_up(Stage.POLL, "westeurope", was_tried=True),
    OwnCode.NOT_TRIED: outcomes.given_up(Stage.START, "westeurope", was_tried=False),
}
NO_RESULTS = (
    outcomes.no_result(reply(204), Stage.POLL, "the operation ended without a result"),
    outcomes.assessment(reply(), {"status": "Succeeded"}),
    outcomes.assessment(reply(), {"status": "Succeeded"}, Source.GRAPH),
)
AZURES = (
    outcomes.operation_ended_badly(reply(), {"error": TOLD}, canceled=False),
    outcomes.operation_ended_badly(reply(), {"error": TOLD}, canceled=True),
    outcomes.assessment(reply(), {"status": "Failed", "error": TOLD}),
    outcomes.assessment(reply(), {"status": "Failed", "errorDetails": TOLD}, Source.GRAPH),
)


@pytest.mark.parametrize(("code", "ending"), OWN.items())
def test_a_code_that_fleetscan_made_up_is_its_own(code: OwnCode, ending: Ending) -> None:
    assert ending.error is not None
    assert (ending.error.code, ending.error.origin) == (code.value, CodeOrigin.FLEETSCAN)


@pytest.mark.parametrize("ending", NO_RESULTS)
def test_a_success_without_a_result_is_fleetscans_own_word(ending: Ending) -> None:
    assert ending.error is not None
    assert (ending.error.code, ending.error.origin) == ("NoResult", CodeOrigin.FLEETSCAN)


@pytest.mark.parametrize("ending", AZURES)
def test_what_an_operation_or_a_result_says_is_azures_word(ending: Ending) -> None:
    error = ending.error
    assert error is not None
    assert (error.code, error.message) == ("VMAgentFailed", "The agent said no.")
    assert (error.http_status, error.origin, error.correlation_id) == (200, CodeOrigin.AZURE, ID)


@pytest.mark.parametrize("fault", Fault)
def test_without_a_reply_the_code_is_fleetscans_word_for_what_broke(fault: Fault) -> None:
    error = read_error(Reply(0, fault=fault, detail="the connection broke"), Stage.START)
    assert error == Failure(fault.value, "the connection broke", None, Stage.START, CodeOrigin.FLEETSCAN)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"error": {"code": "Conflict", "message": "no"}}', "Conflict"),
        (b"<h1>Bad Gateway</h1>", None),
        (b"", None),
    ],
)
def test_a_reply_is_azures_word_and_its_code_null_where_it_gave_none(body: bytes, code: str | None) -> None:
    error = read_error(reply(502, body), Stage.POLL)
    assert (error.code, error.http_status, error.origin) == (code, 502, CodeOrigin.AZURE)
    assert error.correlation_id == ID
