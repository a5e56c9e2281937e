"""What there is: the group, version and resource lists clients read first, plain and aggregated."""

from typing import Any

from sekisho.api.catalogue import Catalogue, Entry

KUBERNETES_VERSION = "1.36"
"""Of the Kubernetes API whose behaviour we follow; clients compare it with their own."""


def version(release: str) -> dict[str, str]:
    """`/version`. `release` is Sekisho's own."""
    major, minor = KUBERNETES_VERSION.split(".")
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"v{KUBERNETES_VERSION}.0+sekisho-{release}",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
    }


def core_versions(catalogue: Catalogue) -> dict[str, Any]:
    """`/api`."""
    return {
        "kind": "APIVersions",
        "versions": list(catalogue.groups.get("", ())),
        "serverAddressByClientCIDRs": [],
    }


def groups(catalogue: Catalogue) -> dict[str, Any]:
    """`/apis`."""
    named = [_group(catalogue, name) for name in catalogue.groups if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": named}


def group(catalogue: Catalogue, name: str) -> dict[str, Any]:
    """`/apis/{group}`."""
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(catalogue, name)}


def _group(catalogue: Catalogue, name: str) -> dict[str, Any]:
    versions = [
        {"groupVersion": f"{name}/{version_}", "version": version_} for version_ in catalogue.groups[name]
    ]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def resources(catalogue: Catalogue, group_version: str) -> dict[str, Any]:
    """`/api/v1` and `/apis/{group}/{version}`; `group_version` is `/v1` for the core group."""
    group_name, _, version_ = group_version.rpartition("/")
    listed: list[dict[str, Any]] = []
    for entry in catalogue.of_version(group_name, version_):
        listed.append(_resource(entry))
        if entry.has_status:
            listed.append(_status(entry))
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version.strip("/"),
        "resources": listed,
    }


def _resource(entry: Entry) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": entry.plural,
        "singularName": entry.singular,
        "namespaced": entry.namespaced,
        "kind": entry.kind,
        "verbs": sorted(entry.verbs),
    }
    if entry.short_names:
        shown["shortNames"] = list(entry.short_names)
    if entry.categories:
        shown["categories"] = list(entry.categories)
    return shown


def _status(entry: Entry) -> dict[str, Any]:
    return {
        "name": f"{entry.plural}/status",
        "singularName": "",
        "namespaced": entry.namespaced,
        "kind": entry.kind,
        "verbs": ["get", "patch", "update"],
    }


def aggregated(catalogue: Catalogue, version_: str, *, core: bool) -> dict[str, Any]:
    """`/api` (core) and `/apis` in one document each: apidiscovery.k8s.io APIGroupDiscoveryList."""
    names = [name for name in catalogue.groups if bool(name) is not core]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version_}",
        "metadata": {},
        "items": [_aggregated_group(catalogue, name) for name in names],
    }


def _aggregated_group(catalogue: Catalogue, name: str) -> dict[str, Any]:
    versions = [
        {
            "version": version_,
            "freshness": "Current",
            "resources": [
                _aggregated_resource(entry, version_) for entry in catalogue.of_version(name, version_)
            ],
        }
        for version_ in catalogue.groups[name]
    ]
    return {"metadata": {"name": name, "creationTimestamp": None}, "versions": versions}


def _aggregated_resource(entry: Entry, version_: str) -> dict[str, Any]:
    kind = {"group": entry.group, "version": version_, "kind": entry.kind}
    shown: dict[str, Any] = {
        "resource": entry.plural,
        "responseKind": kind,
        "scope": "Namespaced" if entry.namespaced else "Cluster",
        "singularResource": entry.singular,
        "verbs": sorted(entry.verbs),
    }
    if entry.short_names:
        shown["shortNames"] = list(entry.short_names)
    if entry.categories:
        shown["categories"] = list(entry.categories)
    if entry.has_status:
        shown["subresources"] = [
            {"subresource": "status", "responseKind": kind, "verbs": ["get", "patch", "update"]}
        ]
    return shown


def aggregated_media_type(version_: str) -> str:
    """The Content-Type that says so."""
    return f"application/json;g=apidiscovery.k8s.io;v={version_};as=APIGroupDiscoveryList"
