"""Secrets in text that is about to be shown: those that are known, and those that look like one."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetscan.redacting import Secrets

JWT = "eyJ0eXAiOiJKV1QifQ.eyJvaWQiOiJhYmMifQ.c2lnbmF0dXJl"
SIGNED = (
    "https://management.azure.com/subscriptions/x/operations/y?p=abc&api-version=2022-08-01&t=638&c=MIIHhz"
    "&s=J5kf-Q_w&h=uQx5"
)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        (f"refused: {JWT}", "refused: <token>"),
        (f"cut off: {JWT[:30]}...", "cut off: <token>..."),
        ("Authorization: Bearer opaque", "Authorization: Bearer <token>"),
        ("authorization=Basic dXNlcjpwYXNz;", "authorization=Basic <token>;"),
        ("{'Authorization': 'Bearer abc.def'}", "{'Authorization': 'Bearer <token>'}"),
        ("Proxy-Authorization: Basic dXNl", "Proxy-Authorization: Basic <token>"),
        ("Authorization: Bearer <token>", "Authorization: Bearer <token>"),
        ("sent bearer 0123456789abcdef0123", "sent bearer <token>"),
        ("a bearer token that is too long", "a bearer token that is too long"),
        (
            SIGNED,
            "https://management.azure.com/subscriptions/x/operations/y?p=abc&api-version=2022-08-01"
            "&t=<hidden>&c=<hidden>&s=<hidden>&h=<hidden>",
        ),
        ("x?sv=1&sig=a%2Bb%3D rest", "x?sv=1&sig=<hidden> rest"),
        ("x%3Fsv%3D1%26sig%3Dabc", "x%3Fsv%3D1%26sig%3D<hidden>"),
        (r"x?sv=1\u0026sig=abc", r"x?sv=1\u0026sig=<hidden>"),
        ("http://user:p%40ss@proxy.corp:8080/", "http://<hidden>@proxy.corp:8080/"),
        ("client_id=a&client_secret=b", "client_id=a&client_secret=<hidden>"),
        ('{"access_token": "abc", "n": 1}', '{"access_token": "<hidden>", "n": 1}'),
        ("scanning: 66 of 100 done", "scanning: 66 of 100 done"),
        ("tag env=prod; check --endpoint https://x", "tag env=prod; check --endpoint https://x"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_and_nothing_else(text: str, hidden: str) -> None:
    assert Secrets().hide(text) == hidden
    assert Secrets().hide(hidden) == hidden


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("AZURE_CLIENT_SECRET", "x~Y8Q-zz.kk", "x~Y8Q-zz.kk"),
        ("AZURE_CLIENT_CERTIFICATE_PASSWORD", "open sesame", "open sesame"),
        ("AZURE_PASSWORD", "hunter2hunter2", "hunter2hunter2"),
        ("FLEETSCAN_ACCESS_TOKEN", "opaque-token-1", "opaque-token-1"),
        ("SYSTEM_ACCESSTOKEN", "pipeline-token", "pipeline-token"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "actions-token", "actions-token"),
        ("IDENTITY_HEADER", "853b9a84-5bfa", "853b9a84-5bfa"),
        ("HTTPS_PROXY", "http://svc:Pa%24%24word@proxy:3128", "Pa$$word"),
        ("https_proxy", "http://svc:plainword@proxy:3128", "plainword"),
        ("FLEETSCAN_PROXY", "http://svc:plainword@proxy:3128", "plainword"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=k-123456,x=y", "k-123456"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=Api%20k-123456", "Api k-123456"),
    ],
)
def test_a_secret_of_the_environment_is_hidden_however_it_is_written(
    name: str, value: str, secret: str
) -> None:
    plain = {"PASSWORD_STORE_DIR": "/home/user", "AZURE_CLIENT_ID": "11111111-2222"}
    secrets = Secrets.of({name: value, **plain})
    for spelled in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1]):
        assert secrets.hide(f"said {spelled}, it did") == "said <hidden>, it did"
    assert secrets.hide("/home/user 11111111-2222") == "/home/user 11111111-2222"


def test_a_proxy_s_password_is_hidden_as_it_is_sent() -> None:
    sent = base64.b64encode(b"svc:Pa$$word").decode()
    assert sent not in Secrets.of({}, ["http://svc:Pa%24%24word@proxy"]).hide(f"Basic {sent}")


def test_a_short_secret_is_hidden_where_it_stands_alone() -> None:
    assert Secrets(["sesame"]).hide("open sesame, sesames: sesame.") == "open <hidden>, sesames: <hidden>."
    assert Secrets(["any"]).hide("any token") == "any token"


def test_what_a_cut_left_of_a_secret_is_hidden_too() -> None:
    assert Secrets(["a-long-client-secret-value"]).hide("it is a-long-client-sec...") == "it is <hidden>..."


@given(st.text(min_size=16, max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_a_known_secret_is_never_left(secret: str, before: str, after: str) -> None:
    if secret in "<hidden><token>" or secret in before + after:
        return
    hidden = Secrets([secret]).hide(f"{before}{secret}{after}")
    assert secret not in hidden.replace("<hidden>", "\0")


@given(st.text(alphabet="abc =?&:/@", max_size=40))
def test_text_is_searched_in_one_look(text: str) -> None:
    hidden = Secrets(["secret-value"]).hide(text)
    assert Secrets(["secret-value"]).hide(hidden) == hidden
