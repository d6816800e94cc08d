"""A 401 about another tenant's subscription is told from one about the token."""

from __future__ import annotations

import pytest

from fleetscan.azure.other_tenant import is_other_tenant
from fleetscan.model import Reply

BODY = b'{"error": {"code": "InvalidAuthenticationTokenTenant", "message": "wrong issuer"}}'


def test_a_401_that_names_another_tenant_is_known_by_its_code() -> None:
    assert is_other_tenant(Reply(401, body=BODY))
    assert is_other_tenant(Reply(401, body=BODY.replace(b" ", b"")))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(401),
        Reply(403, body=BODY),
        Reply(401, body=b'{"error": {"code": "InvalidAuthenticationToken"}}'),
        Reply(401, body=b'{"error": {"code": "X", "message": "not InvalidAuthenticationTokenTenant"}}'),
    ],
)
def test_all_else_is_not(reply: Reply) -> None:
    assert not is_other_tenant(reply)
