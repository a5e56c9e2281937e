"""`sekisho.model.paths`."""

from sekisho.model import paths


def test_paths_read_as_people_write_them() -> None:
    rule = paths.item(paths.field(paths.field("", "spec"), "rules"), 0)
    assert paths.field(rule, "name") == "spec.rules[0].name"
    assert paths.entry("metadata.labels", 'a.b/"c"') == 'metadata.labels["a.b/\\"c\\""]'


def test_a_path_is_taken_apart_again() -> None:
    assert paths.parts("spec.rules[0].name") == ("spec", "rules", 0, "name")
    assert paths.parts('metadata.labels["a.b/\\"c\\""]') == ("metadata", "labels", 'a.b/"c"')
    assert paths.parts("") == ()
