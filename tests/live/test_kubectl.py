"""Stock kubectls against the API: what people type works, with an old client and a new one.

`tools/kubectl.sh` fetches both into .tools/.
"""

import asyncio
import base64
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
from tests.kit.pki import self_signed
from tests.kit.users import TokenTable
from tests.kit.wait import wait_until

from sekisho.api import ServerSettings, User, create_app, serve
from sekisho.store.memory import open_memory

pytestmark = pytest.mark.live

TOOLS = Path(__file__).parents[2] / ".tools"
VERSIONS = ("1.20", "1.36")
SHOP = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  gatewayClassName: sekisho
  listeners: [{name: http, port: 8080, protocol: HTTP}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart, labels: {app: shop}}
spec:
  parentRefs: [{name: gw}]
  hostnames: [shop.example.com]
  rules:
  - matches: [{path: {type: PathPrefix, value: /cart}}]
    backendRefs: [{name: cart, port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: cart}
spec:
  selector: {app: cart}
  ports: [{name: http, port: 80}]
"""
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: sekisho, annotations: {ingressclass.kubernetes.io/is-default-class: "true"}}
spec: {controller: sekisho.dev/ingress-controller}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  tls: [{hosts: [shop.example.com], secretName: shop}]
  rules:
  - host: shop.example.com
    http:
      paths: [{path: /cart, pathType: Prefix, backend: {service: {name: cart, port: {name: http}}}}]
"""


class _Server:
    """The API in a thread of its own, as kubectl blocks ours."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="api under test")
        self.port = 0

    async def _run(self) -> None:
        certificate, key = self_signed("127.0.0.1").write(self._folder, "server")
        self._loop = asyncio.get_running_loop()
        tokens = TokenTable({"secret": User("admin", frozenset({"admin"}))})
        async with open_memory() as store:
            self._task = asyncio.ensure_future(
                serve(create_app(store, tokens), ServerSettings(certificate, key), started=self._is_up)
            )
            await asyncio.wait([self._task])

    def _is_up(self, port: int) -> None:
        self.port = port
        self._started.set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(20), "the server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(20)
        assert not self._thread.is_alive(), "the server did not stop"


class Kubectl:
    """One kubectl, pointed at the server under test."""

    def __init__(self, binary: Path, folder: Path, port: int) -> None:
        self._binary = binary
        self.folder = folder
        certificate = base64.b64encode((folder / "server.pem").read_bytes()).decode()
        cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": certificate}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {"token": "secret"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        (folder / "kubeconfig").write_text(json.dumps(config))
        self._environment = {
            "HOME": str(folder),
            "KUBECONFIG": str(folder / "kubeconfig"),
            "PATH": "/usr/bin:/bin",
        }

    def run(self, *arguments: str, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """One command, whatever its outcome."""
        return subprocess.run(
            [self._binary, *arguments],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=self._environment | environment,
        )

    def __call__(self, *arguments: str, given: str = "", **environment: str) -> str:
        """The output of a command that must succeed."""
        done = self.run(*arguments, given=given, **environment)
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command that goes on."""
        return subprocess.Popen(
            [self._binary, *arguments], stdout=subprocess.PIPE, text=True, env=self._environment
        )

    def value(self, what: str, path: str) -> str:
        """One value of an object."""
        return self("get", what, "-o", f"jsonpath={{{path}}}")


@pytest.fixture(scope="module", params=VERSIONS)
def kubectl(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """An old and a new kubectl, each with a server of its own."""
    binary = TOOLS / f"kubectl-{request.param}"
    if not binary.exists():
        pytest.skip(f"{binary.name} is not in .tools/: run tools/kubectl.sh")
    folder = tmp_path_factory.mktemp("kubectl")
    with _Server(folder) as server:
        yield Kubectl(binary, folder, server.port)


@pytest.fixture
def shop(kubectl: Kubectl) -> Iterator[Kubectl]:
    """With the shop applied; it is gone afterwards."""
    kubectl("apply", "-f", "-", given=SHOP)
    yield kubectl
    kubectl("delete", "--ignore-not-found", "-f", "-", given=SHOP)


def test_get_shows_the_columns_of_upstream(shop: Kubectl) -> None:
    header, line = shop("get", "httproutes").splitlines()
    assert header.split() == ["NAME", "HOSTNAMES", "AGE"]
    assert line.split()[:2] == ["cart", '["shop.example.com"]']
    header, line = shop("get", "gtw", "-A").splitlines()
    assert header.split() == ["NAMESPACE", "NAME", "CLASS", "ADDRESS", "PROGRAMMED", "AGE"]
    assert "gateway.gateway.networking.k8s.io/gw" in shop("get", "gateways,httproutes,svc,ns", "-A")
    assert shop("get", "all", "-o", "name") == "service/cart\n"


def test_ingresses_are_shown_as_upstream_shows_them(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=INGRESS)
    header, line = kubectl("get", "ingress").splitlines()
    assert header.split() == ["NAME", "CLASS", "HOSTS", "ADDRESS", "PORTS", "AGE"]
    assert line.split()[:4] == ["shop", "sekisho", "shop.example.com", "80,"]
    header, line = kubectl("get", "ingressclasses").splitlines()
    assert header.split() == ["NAME", "CONTROLLER", "PARAMETERS", "AGE"]
    assert line.split()[:3] == ["sekisho", "sekisho.dev/ingress-controller", "<none>"]
    assert "/cart" in kubectl("describe", "ing", "shop")
    assert "unchanged" in kubectl("apply", "-f", "-", given=INGRESS)
    kubectl("delete", "-f", "-", given=INGRESS)


def test_get_selects_by_label_and_shows_yaml(shop: Kubectl) -> None:
    assert shop("get", "httproutes", "-l", "app=shop", "-o", "name").split() == [
        "httproute.gateway.networking.k8s.io/cart"
    ]
    assert shop("get", "httproutes", "-l", "app=other", "-o", "name") == ""
    assert "hostnames:\n  - shop.example.com" in shop("get", "httproute", "cart", "-o", "yaml")


def test_apply_changes_and_says_when_nothing_changed(shop: Kubectl) -> None:
    assert "service/cart unchanged" in shop("apply", "-f", "-", given=SHOP)
    shop("apply", "-f", "-", given=SHOP.replace("/cart}}", "/basket}}"))
    assert shop.value("httproute/cart", ".spec.rules[0].matches[0].path.value") == "/basket"
    without = SHOP.replace("  hostnames: [shop.example.com]\n", "")
    shop("apply", "-f", "-", given=without)
    assert shop.value("httproute/cart", ".spec.hostnames") == ""


def test_a_mistake_is_explained_and_nothing_is_written(shop: Kubectl) -> None:
    wrong = SHOP.replace("hostnames:", "hostname:")
    done = shop.run("apply", "--validate=false", "-f", "-", given=wrong)
    assert done.returncode == 1
    assert "spec.hostname" in done.stderr
    assert 'did you mean "hostnames"?' in done.stderr
    assert shop.value("httproute/cart", ".metadata.generation") == "1"


def test_the_clients_own_validation_knows_our_fields(shop: Kubectl) -> None:
    done = shop.run("apply", "-f", "-", given=SHOP.replace("hostnames:", "hostname:"))
    assert done.returncode == 1
    assert "hostname" in done.stderr


def test_server_side_apply_owns_fields_and_conflicts(kubectl: Kubectl) -> None:
    mine = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ssa}\ndata: {a: '1', b: '1'}\n"
    kubectl("apply", "--server-side", "-f", "-", given=mine)
    kubectl("apply", "--server-side", "-f", "-", given=mine.replace(", b: '1'", ""))
    assert json.loads(kubectl("get", "cm", "ssa", "-o", "json"))["data"] == {"a": "1"}
    theirs = mine.replace("'1'", "'2'")
    done = kubectl.run("apply", "--server-side", "--field-manager=other", "-f", "-", given=theirs)
    assert done.returncode == 1
    assert 'conflict with "kubectl"' in done.stderr
    assert ".data.a" in done.stderr
    kubectl("apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", "-", given=theirs)
    assert kubectl.value("cm/ssa", ".data.a") == "2"
    kubectl("delete", "cm", "ssa")


def test_diff_shows_what_would_change(shop: Kubectl) -> None:
    assert shop("diff", "-f", "-", given=SHOP) == ""
    done = shop.run("diff", "-f", "-", given=SHOP.replace("/cart}}", "/basket}}"))
    assert done.returncode == 1, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["-", "value:", "/cart"] in lines
    assert ["+", "value:", "/basket"] in lines
    assert shop.value("httproute/cart", ".metadata.generation") == "1"


def test_a_dry_run_writes_nothing(shop: Kubectl) -> None:
    said = shop("apply", "--dry-run=server", "-f", "-", given=SHOP.replace("/cart}}", "/basket}}"))
    assert "httproute.gateway.networking.k8s.io/cart configured (server dry run)" in said
    assert shop.value("httproute/cart", ".spec.rules[0].matches[0].path.value") == "/cart"


def test_edit_writes_what_the_editor_left(shop: Kubectl) -> None:
    shop("edit", "httproute", "cart", KUBE_EDITOR="sed -i s/shop.example.com/edited.example.com/")
    assert shop.value("httproute/cart", ".spec.hostnames[0]") == "edited.example.com"
    shop("edit", "service", "cart", KUBE_EDITOR="sed -i 's/app: cart/app: edited/'")
    assert shop.value("service/cart", ".spec.selector.app") == "edited"


def test_patches_of_all_types(shop: Kubectl) -> None:
    shop("patch", "svc", "cart", "-p", '{"spec":{"ports":[{"name":"admin","port":81}]}}')
    assert shop.value("svc/cart", ".spec.ports[*].port") in {"80 81", "81 80"}
    shop("patch", "httproute", "cart", "--type=merge", "-p", '{"spec":{"hostnames":["a.example.com"]}}')
    operation = '[{"op":"add","path":"/spec/hostnames/-","value":"b.example.com"}]'
    shop("patch", "httproute", "cart", "--type=json", "-p", operation)
    assert json.loads(shop("get", "httproute", "cart", "-o", "json"))["spec"]["hostnames"] == [
        "a.example.com",
        "b.example.com",
    ]


def test_label_and_annotate(shop: Kubectl) -> None:
    shop("label", "svc", "cart", "tier=front")
    shop("annotate", "svc", "cart", "note=hello")
    assert shop.value("svc/cart", ".metadata.labels.tier") == "front"
    assert shop.value("svc/cart", ".metadata.annotations.note") == "hello"
    shop("label", "svc", "cart", "tier-")
    assert shop.value("svc/cart", ".metadata.labels.tier") == ""


def test_replace_and_create(shop: Kubectl) -> None:
    shop("replace", "-f", "-", given=SHOP.replace("/cart}}", "/replaced}}"))
    assert shop.value("httproute/cart", ".spec.rules[0].matches[0].path.value") == "/replaced"
    done = shop.run("create", "-f", "-", given=SHOP)
    assert done.returncode == 1
    assert "AlreadyExists" in done.stderr


def test_create_by_words(kubectl: Kubectl) -> None:
    kubectl("create", "namespace", "by-words")
    kubectl("create", "-n", "by-words", "secret", "generic", "s", "--from-literal=a=b")
    kubectl("create", "-n", "by-words", "configmap", "c", "--from-literal=a=b")
    kubectl("create", "-n", "by-words", "service", "clusterip", "svc", "--tcp=80:8080")
    assert kubectl("get", "-n", "by-words", "secret", "s", "-o", "jsonpath={.data.a}") == "Yg=="
    assert kubectl("get", "-n", "by-words", "cm", "c", "-o", "jsonpath={.data.a}") == "b"
    assert (
        kubectl("get", "-n", "by-words", "svc", "svc", "-o", "jsonpath={.spec.ports[0].targetPort}") == "8080"
    )
    kubectl("delete", "namespace", "by-words")
    assert kubectl("get", "-A", "secrets,cm", "-o", "name") == ""


def test_describe(shop: Kubectl) -> None:
    assert "shop.example.com" in shop("describe", "httproute", "cart")
    assert "Selector:          app=cart" in shop("describe", "svc", "cart")
    assert "Active" in shop("describe", "namespace", "default")
    assert "sekisho" in shop("describe", "gateway", "gw")


def test_explain_tells_fields_and_their_meaning(kubectl: Kubectl) -> None:
    assert "backendRefs" in kubectl("explain", "httproute.spec.rules")
    told = kubectl("explain", "gateway.spec.listeners.port")
    assert "integer" in told
    assert "Port number." in told
    assert "services" in kubectl("api-resources")


MESH = """
apiVersion: sekisho.dev/v1alpha1
kind: Mesh
metadata: {name: default}
---
apiVersion: sekisho.dev/v1alpha1
kind: Workload
metadata: {name: cart-1, namespace: default, labels: {app: cart}}
spec:
  address: 10.0.0.1
  ports: [{port: 80, targetPort: 8080}]
  sidecar: {capture: Redirect}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: cart, namespace: default}
---
apiVersion: sekisho.dev/v1alpha1
kind: HostnameGenerator
metadata: {name: services, namespace: sekisho-system}
spec:
  selector: {service: {}}
  template: "{{ .Name }}.{{ .Namespace }}.svc.mesh.local"
"""


def test_the_kinds_of_the_mesh_are_applied_listed_and_explained(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=MESH)
    assert "unchanged" in kubectl("apply", "-f", "-", given=MESH)
    lines = kubectl("get", "workloads,meshes,serviceaccounts").splitlines()
    assert [line.split()[:6] for line in lines if line.startswith("workload")] == [
        ["workload.sekisho.dev/cart-1", "10.0.0.1", "80/TCP", "default", "Redirect", "True"]
    ]
    assert any(line.startswith("mesh.sekisho.dev/default ") for line in lines)
    assert "{{ .Name }}" in kubectl("get", "hg", "--namespace", "sekisho-system")
    assert "workload/cart-1" in kubectl("get", "sekisho", "-o", "name").replace(".sekisho.dev", "")
    assert "nftables" in kubectl("explain", "workload.spec.sidecar.capture")
    assert "The oldest." in kubectl("explain", "meshtls.spec.rules.default.tlsVersion.min")
    assert "spiffeID" in kubectl("explain", "trafficpermission.spec.rules.default.allow")


def test_wait_returns_when_a_condition_comes_true(shop: Kubectl) -> None:
    waiting = shop.start("wait", "--for=condition=Programmed", "gateway/gw", "--timeout=30s")
    condition = {
        "type": "Programmed",
        "status": "True",
        "reason": "Programmed",
        "message": "",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    patch = json.dumps({"status": {"conditions": [condition]}})
    path = "/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways/gw"
    gateway = json.loads(shop("get", "--raw", path)) | json.loads(patch)
    (shop.folder / "status.json").write_text(json.dumps(gateway))
    if "1.20" in str(shop._binary):
        shop("replace", "--raw", f"{path}/status", "-f", str(shop.folder / "status.json"))
    else:
        shop("patch", "gateway", "gw", "--subresource=status", "--type=merge", "-p", patch)
    assert waiting.wait(30) == 0
    assert waiting.stdout is not None
    assert "condition met" in waiting.stdout.read()
    waiting.stdout.close()


def test_wait_returns_when_an_object_is_gone(shop: Kubectl) -> None:
    waiting = shop.start("wait", "--for=delete", "httproute/cart", "--timeout=30s")
    shop("delete", "httproute", "cart")
    assert waiting.wait(30) in {0, 1}, "1: the object was gone before the old client looked"
    assert waiting.stdout is not None
    waiting.stdout.close()


def test_watch_follows_changes(shop: Kubectl, tmp_path: Path) -> None:
    watching = shop.start("get", "httproutes", "-w", "-o", "name")
    seen: list[str] = []
    assert watching.stdout is not None
    reader = threading.Thread(target=lambda: seen.extend(watching.stdout or ()))
    reader.start()
    try:
        wait_until(lambda: len(seen) == 1, "kubectl shows the change")
        shop("label", "httproute", "cart", "a=b")
        wait_until(lambda: len(seen) == 2, "kubectl shows the change")
        shop("delete", "httproute", "cart")
        wait_until(lambda: len(seen) == 3, "kubectl shows the change")
    finally:
        watching.terminate()
        watching.wait(10)
        reader.join(10)
        watching.stdout.close()
    assert {line.strip() for line in seen} == {"httproute.gateway.networking.k8s.io/cart"}


def test_what_is_not_there_is_said(kubectl: Kubectl) -> None:
    done = kubectl.run("get", "httproute", "nowhere")
    assert done.returncode == 1
    assert (
        'Error from server (NotFound): httproutes.gateway.networking.k8s.io "nowhere" not found'
        in done.stderr
    )
    done = kubectl.run("get", "pods")
    assert "the server doesn't have a resource type" in done.stderr


def test_a_wrong_token_is_refused(kubectl: Kubectl) -> None:
    done = kubectl.run("get", "ns", "--token=wrong", "--kubeconfig=/dev/null")
    assert done.returncode == 1
    config = json.loads((kubectl.folder / "kubeconfig").read_text())
    config["users"][0]["user"]["token"] = "wrong"
    (kubectl.folder / "wrong").write_text(json.dumps(config))
    done = kubectl.run("get", "ns", KUBECONFIG=str(kubectl.folder / "wrong"))
    assert "Unauthorized" in done.stderr or "logged in" in done.stderr
