"""How the commands talk: results to stdout, troubles to stderr, colours only on a terminal."""

import json
import sys
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import msgspec
import yaml
from rich.console import Console
from rich.text import Text

from sekisho.cli import INTERRUPTED
from sekisho.model.problems import Problem

out = Console(highlight=False, soft_wrap=True, markup=False)
"""Results. Rich leaves colours out when it is not a terminal, or when NO_COLOR is set."""


class _Progress(Console):
    """Falls silent once nobody reads it: what goes on need not end for that, as rich would have it."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


err = _Progress(highlight=False, soft_wrap=True, markup=False, stderr=True)
"""Troubles and progress."""


class Exit(IntEnum):
    """What a command's exit code says."""

    OK = 0
    PROBLEM = 1
    """Something is wrong that the user can look into; for `diff`, there are differences."""
    USAGE = 2
    """The command was written wrongly."""
    INTERRUPTED = INTERRUPTED


class Failure(Exception):
    """A command cannot go on, in words for the user; shown without a traceback."""

    def __init__(self, message: str, *, advice: str = "", code: Exit = Exit.PROBLEM) -> None:
        super().__init__(message)
        self.advice = advice
        """What to do next, a sentence or a command; empty when the message says it all."""
        self.code = code


def show_failure(message: str, advice: str = "") -> None:
    """`error: …` and, on its own line, what to do."""
    err.print(Text.assemble(("error: ", "bold red"), message))
    if advice:
        err.print(Text(advice))


def show_problems(problems: Sequence[Problem], *, as_warnings: bool = False) -> None:
    """One line each: file:line, path, what is wrong, what would be right.

    `as_warnings`: they keep nothing from being done.
    """
    lead, style = ("warning: ", "yellow") if as_warnings else ("", "red")
    for problem in problems:
        place = f"{problem.file}{f':{problem.line}' if problem.line else ''}: " if problem.file else ""
        path = f"{problem.path}: " if problem.path else ""
        hint = f" ({problem.hint})" if problem.hint else ""
        where = Text.assemble((lead, f"bold {style}"), (place, "bold"), (path, "cyan"))
        err.print(Text.assemble(where, (problem.message, style), (hint, "green")))


def counted(number: int, noun: str) -> str:
    """`1 problem`, `2 problems`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def write(text: str) -> None:
    """`text` to stdout as it is, with a line feed at its end."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
    sys.stdout.flush()


class _Dumper(yaml.SafeDumper):
    """YAML as people write it: lists indented, texts of several lines as blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - PyYAML's signature
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def as_yaml(value: Any) -> str:
    """Keys in the order of `value`."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110))


def as_json(value: Any) -> str:
    """Indented, for people and programs."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def write_answer(answer: Any, output: str) -> None:
    """What the API answered, whole, as `yaml` or `json`."""
    document = msgspec.to_builtins(answer)
    write(as_yaml(document) if output == "yaml" else as_json(document))
