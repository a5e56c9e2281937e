"""Long refusals cut to what their reader can use."""

from sekisho.control.refusals import LONGEST, essence

DUMP = 'goo.gle/debugstr  \nname: "80|a.test"\nvirtual_hosts {\n  name: "secret" | caused by me\n}\n'
CONSTRAINT = (
    "Proto constraint validation failed (RouteConfigurationValidationError.VirtualHosts[0]: embedded message "
    "failed validation | caused by RouteActionValidationError.PrefixRewrite: value does not match regex "
    'pattern "^[^\\\\x00\\\\n\\\\r]*$")'
)
FIELD = (
    'RouteActionValidationError.PrefixRewrite: value does not match regex pattern "^[^\\\\x00\\\\n\\\\r]*$"'
)


def test_a_violated_constraint_is_the_field_and_what_is_wrong_with_it() -> None:
    assert essence(f"{DUMP}: {CONSTRAINT}") == FIELD


def test_a_resource_quoted_after_the_reason_is_left_out_too() -> None:
    assert essence(f"cannot use route: {DUMP}") == "cannot use route:"


def test_other_words_stay_on_one_line() -> None:
    text = "error adding listener 'http': cannot bind '127.0.0.1:80':\n Address already in use\n"
    assert essence(text) == "error adding listener 'http': cannot bind '127.0.0.1:80': Address already in use"


def test_words_have_an_end_and_are_never_none() -> None:
    assert essence("x" * 10_000) == "x" * (LONGEST - 1) + "…"
    assert essence(DUMP) == "no reason given"


def test_of_a_resource_too_long_to_be_quoted_with_its_reason_it_says_where_that_is() -> None:
    said = f"80|a.test: {DUMP}{'x' * 5_000}"[:4096]
    assert essence(said) == "80|a.test: a field is not valid; which one, only the log of the proxy says"
