"""The status a GatewayClass of ours should have, with the features that work."""

from typing import Any

from sekisho.engine import Read, query
from sekisho.model.names import ResourceId
from sekisho.translate.gateway.classes import is_accepted, is_ours
from sekisho.translate.gateway.conditions import condition, sentence

SUPPORTED_FEATURES = (
    "BackendTLSPolicy",
    "BackendTLSPolicySANValidation",
    "GRPCRoute",
    "GRPCRouteNamedRouteRule",
    "Gateway",
    "GatewayAddressEmpty",
    "GatewayBackendClientCertificate",
    "GatewayFrontendClientCertificateValidation",
    "GatewayFrontendClientCertificateValidationInsecureFallback",
    "GatewayHTTPListenerIsolation",
    "GatewayHTTPSListenerDetectMisdirectedRequests",
    "GatewayInfrastructurePropagation",
    "GatewayPort8080",
    "GatewayStaticAddresses",
    "HTTPRoute",
    "HTTPRoute303RedirectStatusCode",
    "HTTPRoute307RedirectStatusCode",
    "HTTPRoute308RedirectStatusCode",
    "HTTPRouteBackendProtocolH2C",
    "HTTPRouteBackendProtocolWebSocket",
    "HTTPRouteBackendRequestHeaderModification",
    "HTTPRouteBackendTimeout",
    "HTTPRouteCORS",
    "HTTPRouteDestinationPortMatching",
    "HTTPRouteHostRewrite",
    "HTTPRouteMethodMatching",
    "HTTPRouteNamedRouteRule",
    "HTTPRouteParentRefPort",
    "HTTPRoutePathRedirect",
    "HTTPRoutePathRewrite",
    "HTTPRoutePortRedirect",
    "HTTPRouteQueryParamMatching",
    "HTTPRouteRequestMirror",
    "HTTPRouteRequestMultipleMirrors",
    "HTTPRouteRequestPercentageMirror",
    "HTTPRouteRequestTimeout",
    "HTTPRouteResponseHeaderModification",
    "HTTPRouteRetry",
    "HTTPRouteRetryBackendTimeout",
    "HTTPRouteRetryConnectionError",
    "HTTPRouteSchemeRedirect",
    "ListenerSet",
    "ReferenceGrant",
    "TCPRoute",
    "TLSRoute",
    "TLSRouteModeMixed",
    "TLSRouteModeTerminate",
    "UDPRoute",
)
"""Names of the conformance suite v1.6.1, sorted; only what works."""


@query
def class_status(read: Read, gateway_class: ResourceId) -> dict[str, Any] | None:
    """None for a class that names another controller."""
    if not is_ours(read, gateway_class.name):
        return None
    generation = read.leaf(gateway_class).metadata.generation
    if is_accepted(read, gateway_class.name):
        accepted = condition("Accepted", "True", "Accepted", "", generation)
    else:
        told = sentence("spec.parametersRef: no kind of parameters is known")
        accepted = condition("Accepted", "False", "InvalidParameters", told, generation)
    return {
        "conditions": [accepted, condition("SupportedVersion", "True", "SupportedVersion", "", generation)],
        "supportedFeatures": [{"name": name} for name in SUPPORTED_FEATURES],
    }
