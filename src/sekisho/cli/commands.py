"""The list of commands, and how each of them ends: with an exit code, without a traceback for users."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version as installed

from cyclopts import App, CycloptsError

from sekisho.cli.defaults import DEFAULTS
from sekisho.cli.failures import failure
from sekisho.cli.terminal import Exit, show_failure

# By import path: a command loads only what it needs, so that `sekisho get` answers at once.
_COMMANDS = {
    "up": ("up:up", "Run a folder of YAML on this host and follow its edits."),
    "demo": ("demo:demo", "Two clouds on this host: calls between them, then parts of them break."),
    "control-plane": ("control_plane:control_plane", "Run the control plane: store, API and xDS."),
    "agent": ("agent:agent", "Run this host's proxies."),
    "apply": ("apply:apply", "Bring resources to the state of YAML files."),
    "get": ("get:get", "Show resources."),
    "describe": ("describe:describe", "Show one resource with its conditions and problems."),
    "delete": ("delete:delete", "Delete resources."),
    "diff": ("diff:diff", "Show what `apply` would change."),
    "validate": ("validate:validate", "Check YAML files without a control plane."),
    "convert": ("convert:convert", "Print resources of ingress-nginx, Kong, Kuma or Istio as ours."),
    "explain": ("explain:explain", "Say who decides what about a request, before it is sent."),
    "doctor": ("doctor:doctor", "Walk the way of a call hop by hop, and say where it breaks."),
    "permissions": ("permissions:permissions", "Say whether one workload may call another, and who decided."),
    "status": ("status:status", "The whole system on one screen."),
    "config-dump": ("config_dump:config_dump", "What the proxies of a Gateway or Workload are given."),
    "zone": ("zone:app", "The zones of a global control plane: create, list, disable, remove."),
    "token": ("token:app", "Create, list and revoke bearer tokens."),
    "trust": ("trust:app", "The roots of a mesh, and their rotation."),
    "certificate": ("certificate:certificate", "Make a self-signed certificate as a Secret, for tests."),
    "version": ("version:version", "Versions of this command, the control plane and Envoy."),
}


def application(asked: str = "") -> App:
    """All commands, importing none of them. `asked` tells all about itself in its help, the others a line."""
    app = App(
        name="sekisho",
        help="Proxy, API gateway and service mesh: a control plane for real Envoys.",
        version=lambda: f"sekisho {installed('sekisho')}",
        default_parameter=DEFAULTS,
        suppress_keyboard_interrupt=False,
    )
    for name, (path, help_) in _COMMANDS.items():
        is_group = path.endswith(":app")
        app.command(f"sekisho.cli.{path}", name=name, help=None if name == asked and not is_group else help_)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and ends the process with its exit code."""
    code = run(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
    raise SystemExit(code)


def run(arguments: Sequence[str]) -> int:
    """Runs one command; returns its exit code. Mistakes of the user are told in words."""
    try:
        result = application(_command(arguments))(
            list(arguments), exit_on_error=False, print_error=False, result_action="return_value"
        )
    except CycloptsError as cause:
        show_failure(str(cause), advice=_help(cause.command_chain or ()))
        return Exit.USAGE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:  # `sekisho get … | head`
        _forget_stdout()
        return Exit.OK
    except Exception as cause:
        told = failure(cause)
        if told is None:
            raise
        show_failure(str(told), told.advice or (_help(arguments[:2]) if told.code is Exit.USAGE else ""))
        return told.code
    return result if isinstance(result, int) else Exit.OK


def _help(words: Sequence[str]) -> str:
    """Where to read how the command is written that begins with `words`: `zone create`, not only `zone`."""
    command = _command(words)
    is_group = command in _COMMANDS and _COMMANDS[command][0].endswith(":app")
    named = " ".join(words) if is_group else command
    return f"`sekisho {named} --help` shows how it is written."


def _command(arguments: Sequence[str]) -> str:
    """The command whose help is of use."""
    return arguments[0] if arguments and arguments[0] in _COMMANDS else "COMMAND"


def _forget_stdout() -> None:
    # Python flushes stdout once more at exit; nobody reads it any more.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
