"""The class of a new Ingress that names none: the default one, as Kubernetes' API server chooses it."""

import msgspec

from sekisho.api.documents import Document
from sekisho.api.errors import forbidden
from sekisho.model.ingress import CLASS_ANNOTATION, DEFAULT_CLASS_ANNOTATION
from sekisho.store.protocol import Store


async def choose_class(store: Store, ingress: Document) -> None:
    """Fills in `spec.ingressClassName`; nothing where there is no default class, or a class is named already.

    Raises 403 where a class is named in two ways, or where there are two defaults.
    """
    spec = ingress.get("spec")
    if not isinstance(spec, dict):
        return  # told as a mistake of the document
    annotated = _annotation(ingress, CLASS_ANNOTATION)
    if spec.get("ingressClassName") is not None:
        if annotated:
            message = f"spec.ingressClassName and the annotation {CLASS_ANNOTATION} cannot both be set"
            raise forbidden(message)
        return
    if annotated:
        return
    defaults = await _defaults(store)
    if len(defaults) > 1:
        raise forbidden(f"name a class: there are {len(defaults)} default ones, {', '.join(defaults)}")
    if defaults:
        spec["ingressClassName"] = defaults[0]


async def _defaults(store: Store) -> list[str]:
    listing = await store.list(["IngressClass"])
    return sorted(
        record.id.name
        for record in listing.records
        if _annotation(msgspec.json.decode(record.body), DEFAULT_CLASS_ANNOTATION) == "true"
    )


def _annotation(document: Document, name: str) -> str:
    metadata = document.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    found = annotations.get(name) if isinstance(annotations, dict) else None
    return found if isinstance(found, str) else ""
