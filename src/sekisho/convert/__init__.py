"""What resources of other gateways and meshes are in ours. Pure: documents in, documents and notes out."""

from sekisho.convert.ingress_nginx import ingress_nginx
from sekisho.convert.istio import istio
from sekisho.convert.kong import kong
from sekisho.convert.kuma import kuma
from sekisho.convert.result import Converted, Converter, Note

CONVERTERS: dict[str, Converter] = {
    "ingress-nginx": ingress_nginx,
    "kong": kong,
    "kuma": kuma,
    "istio": istio,
}
"""By the name of the project people come from."""

__all__ = ["CONVERTERS", "Converted", "Converter", "Note"]
