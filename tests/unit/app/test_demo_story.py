"""What the demo allows for, and what it suggests: commands that there are, written as they are taken."""

import shlex
from pathlib import Path

import pytest

from sekisho.app.acme.demo import acme, suggestions
from sekisho.app.acme.story import patience
from sekisho.cli.commands import application


def test_every_suggestion_is_a_command_with_arguments_it_takes() -> None:
    suggested = suggestions(Path("clouds"), "api.azure.acme.corp", "127.0.20.1:8443")
    assert suggested[0] == "curl -k --connect-to ::127.0.20.1:8443 https://api.azure.acme.corp/catalog"
    for command in suggested[1:]:
        program, *arguments = shlex.split(command)
        assert program == "sekisho"
        application().parse_args(arguments, exit_on_error=False, print_error=False)


def test_the_example_is_called_as_one_types_it_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = acme().resolve()
    monkeypatch.chdir(example.parents[1])
    assert acme() == Path("examples/acme")
    monkeypatch.chdir(tmp_path)
    assert acme() == example


@pytest.mark.parametrize(("usual", "allowed"), [(0.0, 1.0), (20.0, 1.0), (100.0, 1.0), (400.0, 4.0)])
def test_a_machine_that_is_busy_has_more_time_and_no_other(usual: float, allowed: float) -> None:
    assert patience(1.0, usual) == allowed
