"""Rules of templates: they can be read, and what they make is what it should be."""

from collections.abc import Callable, Iterator

from sekisho.model import templates
from sekisho.model.problems import Problem

_SAMPLE = "x"
"""Stands for each value when a template is tried out: good wherever one label or segment can stand."""


def template(
    path: str, text: str, fields: frozenset[str], fault: Callable[[str], str], *, labels: bool = True
) -> Iterator[Problem]:
    """The template at `path`.

    `fields` are the names it may use, `labels` whether it may use labels, `fault` says what is wrong with a
    text made from it, as the rest of `expected …`.
    """
    try:
        parsed = templates.parse(text, fields)
    except templates.BadTemplate as why:
        yield Problem(path, str(why))
        return
    keys = [part.key for part in parsed.parts if isinstance(part, templates.Label)]
    if keys and not labels:
        yield Problem(path, "labels cannot be used here: it is the same for all")
        return
    sample = parsed.render(dict.fromkeys(fields, _SAMPLE), dict.fromkeys(keys, _SAMPLE))
    if expected := fault(sample):
        yield Problem(path, f"expected a template of {expected}, and it makes such as {sample[:60]!r}")
