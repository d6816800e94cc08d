"""Settings whose values are Azure's words, in any case and as people's tools write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fleetscan.nearest import nearest
from fleetscan.settings.types import Value, ValueType


@dataclass(frozen=True, slots=True)
class AzureWord(ValueType):
    """One word of several; `before` is what some tools write before it."""

    metavar: str
    words: tuple[str, ...] = ()
    before: str = ""
    may_repeat = True

    @property
    def expected(self) -> str:
        return f"one of {', '.join(self.words)}"

    def allows(self, value: object) -> bool:
        return isinstance(value, str) and self._word_of(value) is not None

    def parse(self, text: str) -> Value:
        return self._word_of(text) or text.strip()

    def refusal(self, got: object) -> ValueError:
        meant = nearest(str(got), self.words)
        hint = f"; did you mean {meant}?" if meant else ""
        return ValueError(f"{ValueType.refusal(self, got)}{hint}")

    def _word_of(self, text: str) -> str | None:
        bare = re.sub(rf"\A(?:{self.before})", "", text.strip(), flags=re.IGNORECASE).lower()
        return next((word for word in self.words if word.lower() == bare), None)


OS = AzureWord("windows|linux", ("windows", "linux"))
POWER_STATE = AzureWord(
    "STATE",
    (
        "running",
        "starting",
        "stopping",
        "stopped",
        "deallocating",
        "deallocated",
        "hibernating",
        "hibernated",
        "creating",
        "unknown",
        # Those of Arc servers.
        "connected",
        "disconnected",
        "expired",
    ),
    before=r"PowerState/|VM\s+",
)
PATCH_MODE = AzureWord("MODE", ("AutomaticByOS", "AutomaticByPlatform", "ImageDefault", "Manual"))
