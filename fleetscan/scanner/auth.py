"""How long Azure has been refusing our token: weather for the whole scan, and never a machine's end."""

from __future__ import annotations

from fleetscan.azure.other_tenant import is_other_tenant
from fleetscan.engine.replies import is_weather
from fleetscan.errors import TokenRefusedError
from fleetscan.model import Job, Reply

# A token that was good and is refused is tried anew this long: identities have outages too.
REFUSED_FOR_S = 300.0
RENEW_AGAIN_S = 5.0
# The same request refused so often, while others go through.
MAX_REFUSALS = 3


class TokenRefusals:
    """How long Azure has been refusing our token, which is weather for the whole scan.

    A token that never worked is a mistake and not weather: one renewal has to cure it. A refusal that
    meets one job again and again while others go through is about what it asks for: another tenant's
    machine, say.
    """

    def __init__(self) -> None:
        self._since: float | None = None
        self._was_good = False
        self._good_replies = 0
        # By job: how often it was refused, and the good replies when that began.
        self._refused: dict[Job, tuple[int, int]] = {}

    def heard(self, job: Job, reply: Reply) -> None:
        """Azure looked at a request of `job`, and so took the token; weather tells nothing of it."""
        self._refused.pop(job, None)
        if not is_weather(reply):
            self._good_replies += 1
            self._since = None
            self._was_good = True

    def is_about(self, job: Job, reply: Reply) -> bool:
        """Whether a 401 is an answer to `job`, and not about the token."""
        if is_other_tenant(reply):
            return True
        refused, good_replies = self._refused.get(job, (0, self._good_replies))
        self._refused[job] = refused + 1, good_replies
        return refused + 1 >= MAX_REFUSALS and self._good_replies > good_replies

    def delay_s(self, sent_at: float, now: float) -> float:
        """Seconds to wait before asking again; raises TokenRefusedError when it has gone on too long.

        `sent_at` tells whether the request still carried the token that has been renewed since.
        """
        if self._since is None:
            self._since = now
        if sent_at < self._since:
            return 0.0
        if not self._was_good or now - self._since > REFUSED_FOR_S:
            raise TokenRefusedError(
                "Azure goes on refusing our token (401), also a fresh one: "
                "check that the identity belongs to the tenant of these subscriptions"
            )
        return RENEW_AGAIN_S
