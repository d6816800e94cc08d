"""What a fault does to one request: what comes instead of an answer, or what becomes of the answer.

A broken exchange is a `Reply` with a fault; whatever has an HTTP status is an `Answer`, and gets its
standing headers like any other.
"""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass

import orjson

from fleetscan.model import Fault, Reply
from fleetscan.simulator.call import Call
from fleetscan.simulator.limits import arm_refusal, compute_throttle
from fleetscan.simulator.policies import ARM_READS, ARM_WRITES, POLICIES
from fleetscan.simulator.refusals import operation_not_found
from fleetscan.simulator.replies import ELSEWHERE, Answer, html_error, html_page, unauthorized
from fleetscan.simulator.routes import Route
from fleetscan.simulator.scenario import PolicyNames
from fleetscan.simulator.times import Calendar
from fleetscan.simulator.ways import Way

STALL_HEADER = "x-simulated-stall-s"
"""How many seconds of silence come before the break; on replies with a fault alone."""
# Clients give up after a minute or two; shorter silences may pass.
STALL_LEAST_S = 20.0
STALL_MOST_S = 180.0
BLANKS = b" " * 1_000_000
# A Retry-After that is an HTTP date names a moment this many seconds from now.
RETRY_DATE_AFTER_S = 9.0

_PAGES = {
    Way.REQUEST_TIMEOUT: 408,
    Way.SERVER_ERROR: 500,
    Way.BAD_GATEWAY: 502,
    Way.UNAVAILABLE: 503,
    Way.GATEWAY_TIMEOUT: 504,
}
_CLAIMS = base64.b64encode(b'{"access_token":{"nbf":{"essential":true,"value":"1763776800"}}}').decode()


def stall_of(reply: Reply) -> float:
    """The seconds of silence before an exchange breaks; 0.0 where it broke at once or not at all."""
    return float(reply.headers.get(STALL_HEADER, "0")) if reply.fault is not None else 0.0


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault that meets one request; what is left to chance in it follows from `seed`."""

    way: Way
    call: Call
    route: Route
    seed: str
    names: PolicyNames

    def instead(self, calendar: Calendar, at: float) -> Answer | Reply | None:
        """What comes instead of handling the request; None where it is handled."""
        match self.way:
            case Way.NOT_SENT:
                return Reply(0, fault=Fault.NOT_SENT, detail="no connection to the simulated cloud")
            case Way.RESET_BEFORE:
                return _cut()
            case Way.STALL_BEFORE:
                return self._stalled()
            case Way.THROTTLED:
                return self._throttled(calendar, at)
            case Way.REDIRECTED:
                return Answer(302, b"", {"location": ELSEWHERE + self.call.target})
            case Way.CHALLENGED:
                return _challenged()
            case Way.LOST_POLL:
                return operation_not_found(self.call.names[-1])
            case way if way in _PAGES:
                return html_error(_PAGES[way])
            case _:
                return None

    def spoil(self, answer: Answer) -> Answer | Reply:
        """What becomes of the answer to a request that was handled; itself where the way does not apply."""
        match self.way:
            case Way.RESET_AFTER:
                return _cut()
            case Way.STALL_AFTER:
                return self._stalled()
            case Way.GATEWAY_TIMEOUT_AFTER:
                return html_error(504)
            case Way.MISSING_URLS | Way.ASTRAY_URLS if answer.status == 202:
                return Answer(202, b"", self._urls(answer.headers))
            case _ if answer.status == 200:
                return self._spoil_body(answer)
            case _:
                return answer

    def _spoil_body(self, answer: Answer) -> Answer:
        match self.way:
            case Way.TRUNCATED_BODY:
                return Answer(200, answer.body[: len(answer.body) // 2], answer.headers)
            case Way.ARRAY_BODY:
                return Answer(200, b"[" + answer.body + b"]", answer.headers)
            case Way.EMPTY_BODY:
                return Answer(200, b"", answer.headers)
            case Way.HTML_BODY:
                page = html_page(200, "Sign in to your account")
                return Answer(200, page.body, answer.headers | page.headers)
            case Way.HUGE_BODY:
                return Answer(200, BLANKS + answer.body + BLANKS, answer.headers)
            case _:
                return answer

    def _urls(self, headers: dict[str, str]) -> dict[str, str]:
        names = ("azure-asyncoperation", "location")
        if self.way is Way.MISSING_URLS:
            return {name: value for name, value in headers.items() if name not in names}
        given = [name for name in names if name in headers]
        return headers | {name: headers[name].replace(self.call.base, ELSEWHERE, 1) for name in given}

    def _stalled(self) -> Reply:
        stall_s = random.Random(self.seed).uniform(STALL_LEAST_S, STALL_MOST_S)
        return Reply(
            0, {STALL_HEADER: f"{stall_s:.3f}"}, fault=Fault.CUT, detail="the simulated cloud fell silent"
        )

    def _throttled(self, calendar: Calendar, at: float) -> Answer:
        draw = random.Random(self.seed)
        date = calendar.http_date(at + RETRY_DATE_AFTER_S)
        retry_after = draw.choice((None, "0", "7", "2.5", date, "garbage"))
        headers = {} if retry_after is None else {"retry-after": retry_after}
        return Answer(429, self._throttle(draw), headers)

    def _throttle(self, draw: random.Random) -> bytes:
        """ARM's words, or, where Compute counts too, as often its own, which come in a wrapper or without."""
        if self.route.duty is None or draw.random() < 0.5:
            policy = ARM_WRITES if self.call.method == "POST" else ARM_READS
            return arm_refusal(policy, self.route.subscription_id, 0).body
        policy = draw.choice(POLICIES[self.names][self.route.duty])
        measurement = orjson.dumps({"operationGroup": policy.name}).decode()
        return compute_throttle(policy, measurement, is_wrapped=draw.random() < 0.5)


def _cut() -> Reply:
    return Reply(0, fault=Fault.CUT, detail="the simulated cloud broke the connection")


def _challenged() -> Answer:
    return unauthorized(
        "InvalidAuthenticationToken",
        "Continuous access evaluation resulted in challenge with result: InteractionRequired.",
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", '
        f'error="insufficient_claims", claims="{_CLAIMS}"',
    )
