"""What `sekisho demo --keep` suggests are commands that there are, written as they are taken."""

import shlex
from pathlib import Path

from sekisho.app.acme.demo import suggestions
from sekisho.cli.commands import application


def test_every_suggestion_is_a_command_with_arguments_it_takes() -> None:
    suggested = suggestions(Path("clouds"), "api.azure.acme.corp", "127.0.20.1:8443")
    assert suggested[0] == "curl -k --connect-to ::127.0.20.1:8443 https://api.azure.acme.corp/catalog"
    for command in suggested[1:]:
        program, *arguments = shlex.split(command)
        assert program == "sekisho"
        application().parse_args(arguments, exit_on_error=False, print_error=False)
