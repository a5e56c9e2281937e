"""Templates of names and identities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sekisho.model.templates import BadTemplate, MissingLabel, parse

FIELDS = frozenset({"Name", "Zone"})
VALUES = {"Name": "cart", "Zone": "east"}
LABELS = {"app.kubernetes.io/name": "web"}


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("a.b", "a.b"),
        ("{{ .Name }}.svc.{{.Zone}}.mesh.local", "cart.svc.east.mesh.local"),
        ('{{ label "app.kubernetes.io/name" }}-{{label "app.kubernetes.io/name"}}', "web-web"),
        ("{ .Name }", "{ .Name }"),
        ("", ""),
    ],
)
def test_places_are_filled_in(text: str, made: str) -> None:
    assert parse(text, FIELDS).render(VALUES, LABELS) == made


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{{ .Name", "stand in pairs"),
        (".Name }}", "stand in pairs"),
        ("{{ {{ .Name }} }}", "expected `{{ .Field }}`"),
        ("{{ Name }}", "expected `{{ .Field }}`"),
        ("{{ label app }}", "expected `{{ .Field }}`"),
        ('{{ label "" }}', "expected `{{ .Field }}`"),
        ("{{ .Name | upper }}", "expected `{{ .Field }}`"),
        ("{{ .Nam }}", 'did you mean "Name"'),
        ("{{}}", "expected `{{ .Field }}`"),
    ],
)
def test_what_is_no_template_says_why(text: str, why: str) -> None:
    with pytest.raises(BadTemplate) as told:
        parse(text, FIELDS)
    assert why in str(told.value)


def test_a_label_that_is_not_there_is_named() -> None:
    with pytest.raises(MissingLabel, match="team"):
        parse('{{ label "team" }}', FIELDS).render(VALUES, LABELS)


@given(st.text())
def test_values_are_put_in_as_they_are_and_never_read_as_templates(value: str) -> None:
    assert parse("<{{ .Name }}>", FIELDS).render({"Name": value}, {}) == f"<{value}>"
