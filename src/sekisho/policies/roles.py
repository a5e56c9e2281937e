"""Which proxies a policy reaches, by the role of its author."""

from sekisho.model.meta import Resource
from sekisho.model.policies.roles import Role, role

__all__ = ["Role", "reaches", "role"]


def reaches(policy: Resource, namespace: str) -> bool:
    """Whether a policy can be for the proxies of a namespace of its mesh.

    Operators and the owners of services speak to all callers; others in their own namespace only.
    """
    return is_for_all(role(policy)) or policy.metadata.namespace == namespace


def is_for_all(found: Role) -> bool:
    """Whether policies of this role are for proxies of every namespace."""
    return found in (Role.SYSTEM, Role.PRODUCER)
