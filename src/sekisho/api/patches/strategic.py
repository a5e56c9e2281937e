"""Strategic merge patch: a merge patch that merges keyed lists item by item and obeys `$` directives.

Directives: `$patch: replace|delete|merge`, `$deleteFromPrimitiveList/<field>`, `$setElementOrder/<field>`,
`$retainKeys`. (Kubernetes community docs, strategic-merge-patch.md.)
"""

from typing import Any

from sekisho.api.patches.structure import Structure
from sekisho.kit.json_patch import PatchFailed

_DELETE_PRIMITIVES = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"


def strategic_merge(target: Any, patch: Any, structure: Structure) -> Any:
    """A new value: `patch` laid over `target` by the rules of `structure`. Raises PatchFailed."""
    if not isinstance(patch, dict):
        return patch
    directive = patch.get("$patch", "merge")
    if directive == "replace":
        return _without_directives(patch)
    if directive == "delete":
        return {}
    if directive != "merge":
        raise PatchFailed(f"unknown $patch directive {directive!r}")
    merged = dict(target) if isinstance(target, dict) else {}
    if "$retainKeys" in patch:
        merged = {key: value for key, value in merged.items() if key in patch["$retainKeys"]}
    for name, value in patch.items():
        _merge_field(merged, name, value, structure)
    _obey_list_directives(merged, patch, structure)
    return merged


def _merge_field(merged: dict[str, Any], name: str, value: Any, structure: Structure) -> None:
    if name.startswith("$"):
        return
    below = structure.below(name)
    if value is None:
        merged.pop(name, None)
    elif isinstance(value, list) and (below.merge_key or below.is_set):
        merged[name] = _merge_list(merged.get(name) or [], value, below)
    else:
        merged[name] = strategic_merge(merged.get(name), value, below)


def _merge_list(target: list[Any], patch: list[Any], structure: Structure) -> list[Any]:
    if structure.is_set or not structure.merge_key:
        return target + [item for item in patch if item not in target]
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [_without_directives(item) for item in patch if item.get("$patch") != "replace"]
    merged = list(target)
    for item in patch:
        _merge_item(merged, item, structure)
    return merged


def _merge_item(merged: list[Any], item: Any, structure: Structure) -> None:
    key = structure.merge_key
    if not isinstance(item, dict) or key not in item:
        raise PatchFailed(f"an item of a list merged by {key!r} has no {key!r}")
    at = next(
        (i for i, each in enumerate(merged) if isinstance(each, dict) and each.get(key) == item[key]), None
    )
    if item.get("$patch") == "delete":
        if at is not None:
            del merged[at]
    elif at is None:
        merged.append(strategic_merge({}, item, structure.of_items))
    else:
        merged[at] = strategic_merge(merged[at], item, structure.of_items)


def _obey_list_directives(merged: dict[str, Any], patch: dict[str, Any], structure: Structure) -> None:
    for directive, values in patch.items():
        name = directive.partition("/")[2]
        if not isinstance(merged.get(name), list) or not isinstance(values, list):
            continue
        if directive.startswith(_DELETE_PRIMITIVES):
            merged[name] = [item for item in merged[name] if item not in values]
        elif directive.startswith(_ORDER):
            merged[name] = _ordered(merged[name], values, structure.below(name))


def _ordered(items: list[Any], order: list[Any], structure: Structure) -> list[Any]:
    """The items named in `order` first and in that order; others follow as they were."""
    key = structure.merge_key

    def identity(item: Any) -> Any:
        return item.get(key) if key and isinstance(item, dict) else item

    wanted = [identity(item) for item in order]

    def place(item: Any) -> int:
        return wanted.index(identity(item)) if identity(item) in wanted else len(wanted)

    return sorted(items, key=place)


def _without_directives(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_directives(each) for name, each in value.items() if not name.startswith("$")}
    if isinstance(value, list):
        return [_without_directives(each) for each in value]
    return value
