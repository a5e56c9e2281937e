"""`sekisho.model.validation.httproute`, `.filters` and `.regex`: rules between fields, message by message."""

# ruff: noqa: E501  messages stay whole, so that one can search for them

import pytest

from sekisho.model import yaml
from sekisho.model.problems import Invalid

HEAD = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart}
spec:
"""


def messages(spec: str) -> list[str]:
    (document,) = yaml.load(HEAD + "".join(f"  {line}\n" for line in spec.splitlines()))
    try:
        document.check()
    except Invalid as refused:
        return [str(problem) for problem in refused.problems]
    return []


def rule(text: str) -> list[str]:
    """The messages about one rule, with paths inside the rule."""
    return [message.removeprefix("spec.rules[0].") for message in messages(f"rules: [{{{text}}}]")]


def filter_(text: str) -> list[str]:
    """The messages about one filter, with paths inside the filter."""
    return [message.removeprefix("filters[0].") for message in rule(f"filters: [{{{text}}}]")]


def path(value: str) -> list[str]:
    return rule(f'matches: [{{path: {{value: "{value}"}}}}]')


SPECS = [
    ('hostnames: ["10.0.0.1"]', ["spec.hostnames[0]: expected a host name, found an IP address"]),
    (
        "parentRefs: [{name: a, sectionName: x}, {name: a, sectionName: x}]",
        [
            (
                "spec.parentRefs[1]: combination of parent, sectionName and port must be unique, "
                "the same as in spec.parentRefs[0]"
            )
        ],
    ),
    (
        "parentRefs: [{name: a, sectionName: x}, {name: a}]",
        ["spec.parentRefs[1]: either all references to one parent say sectionName (or port), or none does"],
    ),
    ("parentRefs: [{name: a, sectionName: x}, {name: a, sectionName: y}, {name: b}]", []),
    ("parentRefs: [{name: a}, {name: a, namespace: other}]", []),
    (
        "rules: [{name: x}, {name: y}, {name: x}]",
        ["spec.rules[2].name: rule name must be unique, the same as in spec.rules[0]"],
    ),
    (
        "rules:\n" + f"- matches: [{', '.join(['{method: GET}'] * 43)}]\n" * 3,
        [
            "spec.rules: expected at most 128 matches in all rules together, found 129 (split the route in two)"
        ],
    ),
    ("useDefaultGateways: All", []),
]


@pytest.mark.parametrize(("spec", "expected"), SPECS)
def test_a_route_as_a_whole(spec: str, expected: list[str]) -> None:
    assert messages(spec) == expected


RULES = [
    ("backendRefs: [{name: a}]", ["backendRefs[0].port: is required for a Service"]),
    ("backendRefs: [{name: a, group: x.y, kind: Z}]", []),
    (
        "backendRefs: [{name: a, port: 1}], filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]",
        [
            "backendRefs: a RequestRedirect filter answers by itself and excludes backendRefs (remove one of the two)"
        ],
    ),
    ("timeouts: {request: 1s, backendRequest: 1s}", []),
    ("timeouts: {request: 0s, backendRequest: 9h}", []),
    (
        "timeouts: {request: 1s, backendRequest: 1001ms}",
        ["timeouts.backendRequest: expected at most the request timeout, 1s, found 1001ms"],
    ),
    (
        "timeouts: {request: 1.5s}",
        ['timeouts.request: expected a duration of h, m, s and ms, such as `1m30s` or `500ms`, found "1.5s"'],
    ),
    (
        "retry: {attempts: 2, codes: [503, 503]}",
        ["retry.codes[1]: status code must be unique, the same as in "],
    ),
    ("retry: {attempts: 0}", ["retry.attempts: expected at least 1, found 0"]),
    ("sessionPersistence: {}", []),
    (
        "sessionPersistence: {cookieConfig: {lifetimeType: Permanent}}",
        ["sessionPersistence.absoluteTimeout: is required for lifetimeType Permanent"],
    ),
    (
        "sessionPersistence: {type: Header, cookieConfig: {}}",
        ["sessionPersistence.cookieConfig: is for type Cookie, and the type is Header"],
    ),
    (
        "sessionPersistence: {sessionName: a b}",
        [
            (
                "sessionPersistence.sessionName: expected a header name (RFC 9110 token) such as `x-version`, "
                'found "a b"'
            ),
        ],
    ),
    (
        "matches: [{headers: [{name: a, value: x}, {name: a, value: y}]}]",
        ["matches[0].headers[1].name: header name must be unique, the same as in "],
    ),
    (
        "matches: [{queryParams: [{name: a, value: x}, {name: a, value: y}]}]",
        ["matches[0].queryParams[1].name: query parameter must be unique, the same as in "],
    ),
    (
        (
            "matches: [{path: {type: Exact, value: /}}], "
            "filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /x}}}]"
        ),
        ["filters[0]: ReplacePrefixMatch needs exactly one match in the rule, of type PathPrefix"],
    ),
    (
        (
            "matches: [{}, {}], backendRefs: [{name: a, port: 1, "
            "filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /x}}}]}]"
        ),
        [
            (
                "backendRefs[0].filters[0]: "
                "ReplacePrefixMatch needs exactly one match in the rule, of type PathPrefix"
            )
        ],
    ),
    (
        "filters: [{type: CORS, cors: {}}, {type: CORS, cors: {}}]",
        ["filters[1].type: filter type must be unique, the same as in "],
    ),
    (
        "filters: [{type: URLRewrite, urlRewrite: {}}, {type: RequestRedirect, requestRedirect: {}}]",
        [
            (
                "filters: RequestRedirect and URLRewrite exclude each other "
                "(a redirect can change host and path by itself)"
            )
        ],
    ),
    (
        (
            "filters: [{type: RequestMirror, requestMirror: {backendRef: {name: a, port: 1}}}, "
            "{type: RequestMirror, requestMirror: {backendRef: {name: b, port: 1}}}]"
        ),
        [],
    ),
]


@pytest.mark.parametrize(("text", "expected"), RULES)
def test_a_rule(text: str, expected: list[str]) -> None:
    found = rule(text)
    assert len(found) == len(expected)
    for message, beginning in zip(found, expected, strict=True):
        assert message.startswith(beginning)


FILTERS = [
    ("type: CORS", ["cors: is required for type CORS"]),
    (
        "type: CORS, cors: {}, urlRewrite: {}",
        ["urlRewrite: belongs to type URLRewrite, and the type is CORS"],
    ),
    (
        "type: CORS, cors: {allowOrigins: ['*', 'https://a.b']}",
        ['cors.allowOrigins: "*" stands for all and must stand alone'],
    ),
    (
        "type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: Host, value: a}], remove: ['b c', host]}",
        [
            (
                "requestHeaderModifier.set[0].name: Host cannot be changed as a header "
                "(use a URLRewrite filter with hostname)"
            ),
            (
                "requestHeaderModifier.remove[0]: expected a header name (RFC 9110 token) such as `x-version`, "
                'found "b c"'
            ),
            (
                "requestHeaderModifier.remove[1]: Host cannot be changed as a header "
                "(use a URLRewrite filter with hostname)"
            ),
        ],
    ),
    (
        "type: RequestMirror, requestMirror: {backendRef: {name: a}, percent: 5, fraction: {numerator: 101}}",
        [
            "requestMirror.backendRef.port: is required for a Service",
            "requestMirror: percent and fraction exclude each other",
            "requestMirror.fraction.numerator: expected at most the denominator, 100",
        ],
    ),
    (
        'type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: "/a\\nb"}}',
        ["urlRewrite.path.replaceFullPath: expected a path without control characters"],
    ),
    (
        "type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replacePrefixMatch: /}}",
        [
            "urlRewrite.path.replaceFullPath: is required for type ReplaceFullPath",
            (
                "urlRewrite.path.replacePrefixMatch: belongs to type ReplacePrefixMatch, "
                "and the type is ReplaceFullPath"
            ),
        ],
    ),
    (
        "type: ExternalAuth, externalAuth: {protocol: GRPC, backendRef: {name: a, port: 1}}",
        [
            "externalAuth.grpc: goes with protocol GRPC and only with it",
        ],
    ),
]


@pytest.mark.parametrize(("text", "expected"), FILTERS)
def test_a_filter(text: str, expected: list[str]) -> None:
    assert filter_(text) == expected


@pytest.mark.parametrize("value", ["/", "/a/b", "/a.b/%41", "/a/..b", "/a..", "/~!$&'()*+,;=:@"])
def test_a_path_that_is_taken(value: str) -> None:
    assert path(value) == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", 'expected a path that starts with "/", found "a"'),
        ("/a//b", 'must not contain "//"'),
        ("/./a", 'must not contain "/./"'),
        ("/a/../b", 'must not contain "/../"'),
        ("/a%2fb", 'must not contain "%2f"'),
        ("/a%2Fb", 'must not contain "%2F"'),
        ("/a#b", 'must not contain "#"'),
        ("/a/..", 'must not end with "/.."'),
        ("/a/.", 'must not end with "/."'),
        ("/ä b", "cannot stand in a path: ' ' 'ä' (percent-encode it as UTF-8)"),
        ("/a%4", '"%" needs two hex digits (percent-encode it as UTF-8)'),
    ],
)
def test_a_path_that_is_refused(value: str, expected: str) -> None:
    assert path(value) == [f"matches[0].path.value: {expected}"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("/v[0-9]+/.*", []),
        ("(", ["is no valid RE2 expression: missing ): ("]),
        ("(?=a)", ["is no valid RE2 expression: invalid perl operator: (?="]),
        ("[[:word:]]{600}x{600}", ["is too costly: "]),
        (r"(\pL{30}){30}", ["is too costly: more than 1000 steps when compiled (use smaller repetitions"]),
        ("x" * 1025, ["expected at most 1024 characters, found 1025"]),
    ],
)
def test_a_regular_expression_is_compiled_when_written(expression: str, expected: list[str]) -> None:
    places = {
        "matches[0].path.value": f"path: {{type: RegularExpression, value: '{expression}'}}",
        "matches[0].headers[0].value": f"headers: [{{name: a, type: RegularExpression, value: '{expression}'}}]",
        "matches[0].queryParams[0].value": (
            f"queryParams: [{{name: a, type: RegularExpression, value: '{expression}'}}]"
        ),
    }
    for place, text in places.items():
        found = rule(f"matches: [{{{text}}}]")
        assert len(found) == len(expected)
        for message, beginning in zip(found, expected, strict=True):
            assert message.startswith(f"{place}: {beginning}")
