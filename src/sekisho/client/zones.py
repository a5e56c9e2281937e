"""What a zone tells the global control plane by itself, and is asked there: both are posted by the zone."""

from sekisho.client.reviews import Struct


class ZoneReport(Struct, frozen=True):
    """How a zone is. Posted every few seconds, and at once when something changed."""

    version: str
    """Of its control plane."""
    started: str
    """RFC 3339. When its control plane did."""
    proxies: int = 0
    """Connected to its control plane."""
    in_sync: int = 0
    """Of these, those that have acknowledged everything."""
    rejected: int = 0
    """Resources that its proxies refuse."""
    last_sync: str = ""
    """RFC 3339. When it had taken and sent everything that crosses, the last time."""
    certificate_expires: str = ""
    """RFC 3339. Of the certificate by which it is known."""
    conflicts: tuple[str, ...] = ()
    """What it does not take because something of its own has the name."""
    waits: str = ""
    """What it keeps until it is confirmed; empty for nothing."""


class ZoneReportAnswer(Struct, frozen=True):
    """That it was heard."""

    seconds: float
    """When the next one is expected at the latest, if nothing changes."""


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
