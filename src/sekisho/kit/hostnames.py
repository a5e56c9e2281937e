"""Host names as the Gateway API understands them.

A pattern is exact (`shop.example.com`), a wildcard (`*.example.com`: one label or more in the place of `*`,
so `a.b.example.com` matches and `example.com` does not), or `*` for every host. Patterns are lower case;
hosts are compared without regard to case (RFC 9110, 4.2.3).
"""

EVERY = "*"
"""The pattern of all hosts."""


def is_wildcard(pattern: str) -> bool:
    """Whether the pattern stands for more than one host."""
    return pattern == EVERY or pattern.startswith("*.")


def matches(pattern: str, host: str) -> bool:
    """Whether `host`, a host name without port, is one of the pattern's."""
    host = host.lower()
    if pattern == EVERY:
        return True
    if pattern.startswith("*."):
        return len(host) >= len(pattern) and host.endswith(pattern[1:])
    return host == pattern


def covers(wide: str, narrow: str) -> bool:
    """Whether every host of the pattern `narrow` is one of the pattern `wide`."""
    if wide in (EVERY, narrow):
        return True
    if narrow == EVERY or not wide.startswith("*."):
        return False
    return len(narrow) >= len(wide) and narrow.endswith(wide[1:])


def covering(pattern: str) -> tuple[str, ...]:
    """Every pattern that covers this one, the most specific first: itself, `*.…` by falling length, `*`."""
    patterns = [pattern]
    dot = pattern.find(".", 2 if pattern.startswith("*.") else 0)
    while dot != -1:
        patterns.append(f"*{pattern[dot:]}")
        dot = pattern.find(".", dot + 1)
    if pattern != EVERY:
        patterns.append(EVERY)
    return tuple(patterns)


def intersect(listener: str | None, route: str) -> str | None:
    """The pattern of the hosts both have; None when there are none.

    A listener without host name takes every host. Of two patterns that overlap one always covers the other,
    so the answer is one of the two.
    """
    if listener is None or covers(listener, route):
        return route
    return listener if covers(route, listener) else None


def specificity(pattern: str) -> tuple[int, int, int]:
    """Sort key: of two patterns that match one host, the greater one wins.

    Exact before wildcard, then more characters without the `*`, `*` last. (Gateway API, HTTPRoute hostnames:
    the longest matching name that is no wildcard, then the longest.)
    """
    if pattern == EVERY:
        return (0, 0, 0)
    exact = not pattern.startswith("*.")
    return (1 + exact, len(pattern) - (not exact), pattern.count("."))
