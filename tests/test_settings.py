"""What settings may hold, how their text reads, and that their names follow from their fields."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fleetscan.cli.commands import every_settings
from fleetscan.errors import UsageError
from fleetscan.settings.declared import Settings
from fleetscan.settings.place import Place
from fleetscan.settings.setting import CheckedSettings, Setting, settings_of
from fleetscan.settings.types import Duration, Endpoint, Number, Switch, ValueType, Whole

EVERY_SETTING = [(settings, setting) for settings in every_settings() for setting in settings_of(settings)]
ANY_DURATION = Duration(0.0)


def setting_of(settings: type[CheckedSettings], attribute: str) -> Setting:
    """The setting of one field."""
    return next(setting for setting in settings_of(settings) if setting.attribute == attribute)


def refused(form: ValueType, text: str) -> str:
    """The clause with which a setting of that form refuses a text."""
    with pytest.raises(ValueError, match=r".") as caught:
        Setting("any", None, form, "", "").read(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90.0),
        ("20h", 72_000.0),
        ("30d", 2_592_000.0),
        ("1500ms", 1.5),
        ("2m", 120.0),
        ("1.5h", 5400.0),
        ("1h30m", 5400.0),
        (" 1h 30m ", 5400.0),
        ("1h90m", 9000.0),
        ("2w", 1_209_600.0),
        ("1w1d1h1m1s1ms", 694_861.001),
        ("1m1.5s", 61.5),
        ("007s", 7.0),
    ],
)
def test_a_duration_reads_with_its_unit(text: str, seconds: float) -> None:
    assert ANY_DURATION.parse(text) == seconds


def test_a_bare_number_is_no_duration_and_is_told_so() -> None:
    needs = "needs a unit: write {}s for seconds (or use ms, m, h, d, w)".format
    assert [refused(ANY_DURATION, text) for text in ("75", "1h30", "1 2m")] == [
        needs(75),
        needs(30),
        needs(1),
    ]


@pytest.mark.parametrize("text", ["30m1h", "1h1h", "1ms1s", "1h30m20m", "1s 1m"])
def test_a_duration_s_units_go_from_large_to_small_each_once(text: str) -> None:
    assert refused(ANY_DURATION, text) == (
        f"must have its units from large to small, each once, such as 1h30m, not {text!r}"
    )


@pytest.mark.parametrize("text", ["30M", "1S", "1H30M", "1h30M", "2W", "5MS"])
def test_a_duration_s_units_are_in_lower_case_because_m_could_be_months(text: str) -> None:
    assert refused(ANY_DURATION, text) == (
        f"must have its units in lower case, such as 30m for minutes, not {text!r}"
    )


def test_a_duration_has_a_fraction_in_its_last_part_alone() -> None:
    assert refused(ANY_DURATION, "1.5h30m") == (
        "must have a fraction in its last part alone, such as 1m1.5s, not '1.5h30m'"
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", "s", "-1s", "1 s", "1e3s", "nan", "infs", "\u0661s", "366d", "1h  30m", "1h,30m", ".5h", "1.h"),
        *("1y", "P1D", "1h-30m", "1s\n1ms", "9" * 5000 + "s", "1" * 5000, "52w2d", "1h\u00a030m"),
    ],
)
def test_what_is_no_duration_is_refused_by_an_example(text: str) -> None:
    assert refused(ANY_DURATION, text).startswith(
        "must be a duration with its unit, such as 1500ms, 90s, 1h30m"
    )


@given(
    st.integers(0, 365 * 86_400_000).map(lambda milliseconds: milliseconds / 1000)
    | st.integers(0, 365 * 1440).map(lambda minutes: minutes * 60)
    | st.floats(1e-6, 365 * 86_400.0)
)
@example(0)
@example(-0.0)
@example(5400)
@example(0.1)
def test_a_duration_shown_reads_back_as_itself(seconds: float) -> None:
    shown = ANY_DURATION.show(seconds)
    assert ANY_DURATION.parse(shown) == seconds
    assert len(shown) <= len(f"{Decimal(repr(seconds)):f}s")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (75.0, "75s"),
        (1800.0, "30m"),
        (1.5, "1.5s"),
        (0.0, "0s"),
        (0.001, "1ms"),
        (5400.0, "90m"),
        (9000.0, "150m"),
        (90_060.0, "1501m"),
        (86_400.0 + 60.0 + 1.0, "86461s"),
        (694_861.0 + 0.001, "694861001ms"),
        (604_800.0, "1w"),
        (2_592_000.0, "30d"),
        (31_536_000.0, "365d"),
        (7 * 86_400.0 + 1800.0, "1w30m"),
    ],
)
def test_a_duration_is_shown_in_the_shortest_form(seconds: float, text: str) -> None:
    assert ANY_DURATION.show(seconds) == text


SHARE = Number(0.01, 1.0, percent=0.01)
PART = Number(0.0, 100.0, "PCT", percent=1.0)


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        (SHARE, "0.5", 0.5),
        (SHARE, ".5", 0.5),
        (SHARE, "50%", 0.5),
        (SHARE, " 50 % ", 0.5),
        (SHARE, "7%", 0.07),
        (SHARE, "12.5%", 0.125),
        (SHARE, "100%", 1.0),
        (SHARE, "1%", 0.01),
        (SHARE, "1", 1.0),
        (PART, "30", 30.0),
        (PART, "30%", 30.0),
        (PART, "0%", 0.0),
        (PART, "2.5%", 2.5),
    ],
)
def test_a_share_is_a_number_or_a_percentage(form: Number, text: str, value: float) -> None:
    assert Setting("any", None, form, "", "").read(text) == value


@pytest.mark.parametrize(
    "text",
    ["150%", "101%", "-1%", "%", "0%", "50%%", "50 percent", "%50", "0.5%%", "nan%", "inf%", "1e999%", "50"],
)
def test_what_is_no_share_is_refused_as_it_was_written(text: str) -> None:
    assert refused(SHARE, text) == (
        f"must be a number, from 0.01 to 1, or a percentage such as 50%, not {text!r}"
    )


@pytest.mark.parametrize("text", ["50%", "1_0", "\u0661", "\uff11", "infinity", "0x1", "1 0", "9" * 5000])
def test_a_number_is_written_in_plain_digits(text: str) -> None:
    assert refused(Number(0, 100), text).startswith("must be a number, from 0 to 100, not ")


@pytest.mark.parametrize("text", ["0", "1025", "1.0", "x", "", "true", "1_0", "\u0661", "9" * 5000])
def test_a_whole_number_outside_its_range_or_not_whole_is_refused(text: str) -> None:
    assert refused(Whole(1, 1024), text).startswith("must be a whole number, from 1 to 1024, not ")


def test_a_refusal_does_not_repeat_a_flood() -> None:
    assert len(refused(Whole(1), "9" * 5000)) < 200


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "-0.1", "100.1", "many"])
def test_a_number_is_finite_and_in_its_range(text: str) -> None:
    assert refused(Number(0, 100), text).startswith("must be a number, from 0 to 100, not ")


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("YES", True), ("1", True), ("off", False), ("0", False)]
)
def test_a_switch_reads_the_usual_words(text: str, value: bool) -> None:
    assert Switch().parse(text) is value


@pytest.mark.parametrize(
    "url",
    [
        "https://management.azure.com",
        "https://management.usgovcloudapi.net:8443",
        "http://127.0.0.1:8080",
        "http://127.255.255.254",
        "http://[::1]:8080",
        "http://localhost:1",
    ],
)
def test_https_or_http_to_loopback_is_an_endpoint(url: str) -> None:
    assert Settings(endpoint=url).endpoint == url


@pytest.mark.parametrize(
    "url",
    [
        "http://management.azure.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://localhost@example.com",
        "http://example.com#localhost",
        "http://example.com\\@127.0.0.1",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "http://2130706433",
        "https://user:secret@management.azure.com",
        "https://management.azure.com/subscriptions",
        "https://management.azure.com?x=1",
        "https://management.azure.com:99999",
        "https://m\u0430nagement.azure.com",
        "https://management\n.azure.com",
        "https://",
        "ftp://127.0.0.1",
        "management.azure.com",
        "",
    ],
)
def test_anything_else_is_no_endpoint(url: str) -> None:
    with pytest.raises(UsageError, match=r"^endpoint must be https://HOST"):
        Settings(endpoint=url)


def test_a_slash_at_an_endpoint_s_end_is_dropped() -> None:
    assert Endpoint().parse("https://management.azure.com/ ") == "https://management.azure.com"


def test_values_made_in_python_are_checked_as_text_is() -> None:
    with pytest.raises(UsageError, match=r"^max_in_flight must be a whole number, from 1 to 10000, not 0$"):
        Settings(max_in_flight=0)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"drain_s": "20s"}, "drain_s must be a number of seconds, from 0 to 31536000, not '20s'"),
        ({"first_poll_s": -1}, "first_poll_s must be a number of seconds, from 0 to 31536000, not -1"),
        ({"subscription": "3f8c0d5e"}, "subscription must be several, in a list or tuple, not '3f8c0d5e'"),
        ({"max_in_flight": True}, "max_in_flight must be a whole number, from 1 to 10000, not True"),
        ({"rate_share": True}, "rate_share must be a number, from 0.01 to 1, not True"),
    ],
)
def test_a_program_is_told_in_its_own_words(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as raised:
        Settings(**settings)
    assert str(raised.value) == told


def test_a_program_may_give_a_list_and_a_path() -> None:
    settings = Settings(subscription=["3f8c0d5e"], out=Path("runs") / "one")  # type: ignore[arg-type]
    assert (settings.subscription, settings.out) == (("3f8c0d5e",), "runs/one")


def test_a_group_is_a_tag_by_its_name() -> None:
    with pytest.raises(UsageError, match=r"^group_by must be tag:NAME, such as tag:owner, not 'owner'$"):
        Settings(group_by=("owner",))
    assert Settings(group_by=("tag:cost center",)).group_by == ("tag:cost center",)


@pytest.mark.parametrize("value", ["", " ", " a", "a\nb", "a" * 513])
def test_a_subscription_is_a_text_on_one_line(value: str) -> None:
    with pytest.raises(UsageError, match=r"^subscription must be a subscription's id or name"):
        Settings(subscription=(value,))


def test_a_subscription_may_be_named_twice() -> None:
    assert Settings(subscription=("Shop", "SHOP")).subscription == ("Shop", "SHOP")


def test_nothing_is_named_twice_case_aside() -> None:
    with pytest.raises(UsageError, match=r"^group_by must not repeat a value"):
        Settings(group_by=("tag:owner", "tag:Owner"))


def test_the_first_poll_s_names_derive_from_its_field() -> None:
    first_poll = setting_of(Settings, "first_poll_s")
    assert (first_poll.flag, first_poll.variable, first_poll.name) == (
        "--first-poll",
        "FLEETSCAN_FIRST_POLL",
        "first-poll",
    )


def name_of_parameter(each: object) -> str | None:
    """A setting's name; the class has its own."""
    return each.name if isinstance(each, Setting) else None


@pytest.mark.parametrize(("settings", "setting"), EVERY_SETTING, ids=name_of_parameter)
def test_every_setting_s_default_is_one_it_would_accept(
    settings: type[CheckedSettings], setting: Setting
) -> None:
    # The endpoint's is that of a cloud, where neither was said.
    default = "https://management.azure.com" if setting.attribute == "endpoint" else setting.default
    assert getattr(settings(), setting.attribute) == default
    for text in setting.show_default().split(", ") if setting.show_default() else []:
        setting.read(text)


@pytest.mark.parametrize(("settings", "setting"), EVERY_SETTING, ids=name_of_parameter)
def test_a_path_on_a_disk_is_no_url_and_a_refused_one_is_not_repeated(
    settings: type[CheckedSettings], setting: Setting
) -> None:
    # (An inventory may be an earlier run, which may be at a URL.)
    form = setting.form
    if setting.attribute == "inventory" or form.metavar.partition("|")[0] not in ("FILE", "DIR"):
        return
    for url in ("az://runs/x?sig=secret", "https://user:secret@host/x"):
        with pytest.raises(ValueError, match="must be") as refused:
            setting.read(url)
        assert "secret" not in str(refused.value)
    if not isinstance(form, Place):
        with pytest.raises(ValueError, match="no URL is written or read here"):
            setting.read("az://runs/night")


@pytest.mark.parametrize(("settings", "setting"), EVERY_SETTING, ids=name_of_parameter)
def test_a_float_in_seconds_is_a_duration_and_says_so(
    settings: type[CheckedSettings], setting: Setting
) -> None:
    hint = get_type_hints(settings)[setting.attribute]
    assert isinstance(setting.form, Duration) == setting.attribute.endswith("_s")
    assert isinstance(setting.form, Duration | Number) == (hint in (float, float | None))
    assert setting.help.endswith(".")


def test_a_setting_means_the_same_in_each_command_that_has_it() -> None:
    types: dict[str, ValueType] = {}
    for _, setting in EVERY_SETTING:
        assert types.setdefault(setting.variable, setting.form) == setting.form
