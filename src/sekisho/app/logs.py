"""Where log lines go: JSON, one a line, by structlog; other libraries' lines join them."""

import logging
import sys
from typing import TextIO

import structlog

from sekisho.app.settings import Logging
from sekisho.identity.files import PRIVATE_DIRECTORY

_NOISY = ("httpx2", "httpcore2", "uvicorn", "uvicorn.error", "uvicorn.access", "watchfiles")
"""Libraries that tell more than anyone asked; their warnings are kept."""


_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)  # locals may hold secrets
)


def configure(settings: Logging) -> None:
    """Sets up logging for this process; call it once, before anything logs."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    stream = _stream(settings)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _TRACEBACKS,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _stream(settings: Logging) -> TextIO:
    if settings.file is None:
        return sys.stderr
    settings.file.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    return settings.file.open("a", buffering=1, encoding="utf-8")
