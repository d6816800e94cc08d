"""The type of a setting that names an HTTP proxy: the login in it is shown nowhere."""

from __future__ import annotations

from dataclasses import dataclass

from fleetscan.addresses import ProxyAddress
from fleetscan.settings.types import Value, ValueType


@dataclass(frozen=True, slots=True)
class ProxyUrl(ValueType):
    """An HTTP proxy. No refusal, file or message has its login."""

    metavar: str = "URL"
    expected: str = "http://HOST:PORT, with USER:PASSWORD@ before HOST if the proxy wants a login"

    def allows(self, value: object) -> bool:
        return self._fault_of(value) is None

    def check(self, value: object) -> None:
        if not self.allows(value):
            raise self.refusal(value)

    def refusal(self, got: object) -> ValueError:
        """The clause that says no, and why; the value may be a password."""
        return ValueError(f"must be {self.expected}: {self._fault_of(got)}")

    def show(self, value: object) -> str:
        return str(self.kept(value)) if isinstance(value, str) else ""

    def kept(self, value: Value) -> Value:
        return ProxyAddress.of(value).origin.url if isinstance(value, str) else value

    def _fault_of(self, value: object) -> str | None:
        """Why `value` is no proxy, None where it is one."""
        if not isinstance(value, str):
            return "it is no text"
        try:
            ProxyAddress.of(value)
        except ValueError as error:
            return str(error)
        return None
