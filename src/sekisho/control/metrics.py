"""What the loop tells Prometheus about itself."""

from prometheus_client import Counter, Gauge, Histogram

CONVERGENCE_SECONDS = Histogram(
    "sekisho_convergence_seconds",
    "From the moment a change was known to its acknowledgement by a proxy.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10),
)
COMMIT_SECONDS = Histogram(
    "sekisho_commit_seconds",
    "Translation and publishing of one commit.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5),
)
RESOURCES_BUILT = Counter(
    "sekisho_resources_built", "Envoy resources that came out different and were published."
)
TRANSLATION_FAILURES = Counter(
    "sekisho_translation_failures", "Queries that raised: a fault of ours; the last value stays.", ["what"]
)
STATUS_WRITES = Counter("sekisho_status_writes", "Statuses written to the store.")
VIEWS = Gauge("sekisho_views", "Distinct sets of Envoy resources that proxies share.")
OWN_VIEWS = Gauge("sekisho_workload_views", "Sets of Envoy resources for the sidecar of one workload each.")
CERTIFICATE_EXPIRY = Gauge(
    "sekisho_certificate_expiry_seconds",
    "Unix time at which a certificate ends: of an authority here, or of a Secret that Gateways serve with.",
    ["certificate"],
)
PROXIES = Gauge("sekisho_proxies", "Proxies connected now.")
REFUSALS = Counter(
    "sekisho_refusals",
    "What was refused: calls of the API, connections and streams of xDS, and by proxies resources.",
    ["what"],
)
REJECTIONS = Counter("sekisho_rejections", "Envoy resources that a proxy refused (NACK).", ["type"])
SENT_RESOURCES = Counter("sekisho_sent_resources", "Envoy resources sent to proxies.", ["type"])
SENT_OCTETS = Counter("sekisho_sent_octets", "Octets of responses sent to proxies.", ["type"])
