"""What an operator of the mesh sets up before anybody uses it, and the suite does not."""

from conformance.cluster.objects import Object
from sekisho.client import Client

MANAGER = "conformance-operator"
MESH = "default"
_SYSTEM = "sekisho-system"

MANIFESTS: tuple[Object, ...] = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _SYSTEM}},
    {"apiVersion": "sekisho.dev/v1alpha1", "kind": "Mesh", "metadata": {"name": MESH}},
    {
        "apiVersion": "gateway.networking.x-k8s.io/v1alpha1",
        "kind": "XMesh",
        "metadata": {"name": MESH},
        "spec": {"controllerName": "sekisho.dev/mesh-controller"},
    },
    # Pods call each other by address, too, past any Service: who is asked then nobody knows, nor speaks TLS.
    {
        "apiVersion": "sekisho.dev/v1alpha1",
        "kind": "MeshTLS",
        "metadata": {"name": "permissive", "namespace": _SYSTEM},
        "spec": {"rules": [{"default": {"mode": "Permissive"}}]},
    },
    {
        "apiVersion": "sekisho.dev/v1alpha1",
        "kind": "TrafficPermission",
        "metadata": {"name": "everybody", "namespace": _SYSTEM},
        "spec": {"rules": [{"default": {"allow": [{}]}}]},
    },
)


async def set_up(client: Client) -> None:
    """Applies `MANIFESTS`."""
    for manifest in MANIFESTS:
        await client.apply(manifest, manager=MANAGER, force=True)
