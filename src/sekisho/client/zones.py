"""What zones are asked at the global control plane: the zone posts its answers, and hears what else."""

from sekisho.client.reviews import Struct


class Inquiry(Struct, frozen=True):
    """A question for the zone: a review of its own API."""

    id: str
    kind: str
    """Explanation, Permission, ConfigDump, SystemStatus."""
    spec: dict[str, object]


class InquiryAnswer(Struct, frozen=True):
    """A part of the answer to an inquiry."""

    id: str
    part: str = ""
    """Of the answer as JSON, compressed (zlib) and in base64; the parts come in order."""
    last: bool = True
    problem: str = ""
    """Why there is no answer; empty when there is."""


class ZoneInquirySpec(Struct, frozen=True):
    """The zone answers what it was asked, and asks for more."""

    answers: tuple[InquiryAnswer, ...] = ()
    more: bool = False
    """It has further parts to send, and does not wait."""


class ZoneInquiryAnswer(Struct, frozen=True):
    """What else is asked; nothing after a while in which nobody asked anything."""

    inquiries: tuple[Inquiry, ...] = ()
