"""A client certificate that ends while its stream is open."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sekisho.identity.authority import Registration
from sekisho.identity.builtin import BuiltInAuthority
from sekisho.identity.keys import new_key, signing_request
from sekisho.identity.spiffe import SpiffeId
from sekisho.xds.client import AdsStream, CallFailed, mutual_tls
from sekisho.xds.server import AdsServer
from sekisho.xds.tls import server_context
from sekisho.xds.types import CLUSTER, Blob, Name
from sekisho.xds.view import View
from tests.kit.xds import request

DOMAIN = "demo.default.mesh.local"
