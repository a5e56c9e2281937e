"""Kinds of mistakes, as `Problem.reason`: the words of Kubernetes' status causes."""

from enum import StrEnum


class Reason(StrEnum):
    """Values of `Problem.reason`. Clients branch on them, so they never change."""

    INVALID = "FieldValueInvalid"
    REQUIRED = "FieldValueRequired"
    NOT_SUPPORTED = "FieldValueNotSupported"
    """One of a few values was expected."""
    DUPLICATE = "FieldValueDuplicate"
    FORBIDDEN = "FieldValueForbidden"
    """The field is known, and may not be here in this combination."""
    TYPE = "FieldValueTypeInvalid"
    TOO_LONG = "FieldValueTooLong"
    TOO_MANY = "FieldValueTooMany"
    UNKNOWN = "FieldUnknown"
    """There is no such field; what Kubernetes calls a strict decoding error."""
    MALFORMED = "Malformed"
    """The text is no JSON or YAML, or is built to exhaust its reader."""
