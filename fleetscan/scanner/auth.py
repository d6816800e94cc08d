"""How long Azure has been refusing our token: weather for the whole scan, never the failure of one VM."""

from __future__ import annotations

from fleetscan.azure.credentials import TokenSource
from fleetscan.azure.other_tenant import is_other_tenant
from fleetscan.engine.replies import is_weather
from fleetscan.errors import Remedy, TokenRefusedError
from fleetscan.model import Job, Reply

# A token that was good and is refused is renewed for this long: identity services have outages too.
REFUSED_FOR_S = 300.0
RENEW_AGAIN_S = 5.0
# The same request refused so often, while others go through.
MAX_REFUSALS = 3


class TokenRefusals:
    """How long Azure has been refusing our token, which is weather for the whole scan.

    A token that never worked is a mistake and not weather: one renewal has to fix it. If one job is refused
    again and again while others go through, the refusal is about what it asks for, such as a VM of another
    tenant.
    """

    def __init__(self) -> None:
        self._since: float | None = None
        self._was_good = False
        self._good_replies = 0
        # By job: how often it was refused, and the good replies when that began.
        self._refused: dict[Job, tuple[int, int]] = {}

    def heard(self, job: Job, reply: Reply) -> None:
        """Azure answered a request of `job`, so it accepted the token; weather says nothing about it."""
        self._refused.pop(job, None)
        if not is_weather(reply):
            self._good_replies += 1
            self._since = None
            self._was_good = True

    def is_about(self, job: Job, reply: Reply) -> bool:
        """Whether a 401 is about what `job` asks for, and not about the token."""
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
                "Azure refuses the token (401), and a renewed one too",
                Remedy("check that the identity belongs to the tenant of these subscriptions"),
            )
        return RENEW_AGAIN_S


async def tenant_of(tokens: TokenSource | None) -> str | None:
    """The tenant of the token, fetched for that; None where it is not told. Raises CredentialError."""
    if tokens is None:
        return None
    await tokens.header()
    return tokens.principal().get("tenant_id")
