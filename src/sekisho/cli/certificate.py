"""`sekisho certificate`: a self-signed certificate as a Secret, for tests."""

from typing import Annotated

from cyclopts import Parameter

from sekisho.app.identities import selfsigned
from sekisho.cli.options import Namespace
from sekisho.cli.terminal import Exit, Failure, as_yaml, write
from sekisho.model.document import check


async def certificate(
    *hostnames: str,
    name: Annotated[str, Parameter(help="Name of the Secret.")],
    namespace: Namespace = "default",
) -> Exit:
    """Print a Secret with a fresh key and a self-signed certificate for HOSTNAMES, good for 90 days.

    Keep it out of version control: `sekisho certificate a.example.com --name a-tls | sekisho apply -f -`
    """
    if not hostnames:
        raise Failure("name at least one hostname", code=Exit.USAGE)
    try:
        made = selfsigned.secret(namespace, name, hostnames)
        check("Secret", made)
    except ValueError as cause:
        raise Failure(f"cannot make a certificate: {cause}", code=Exit.USAGE) from cause
    write(as_yaml(made))
    return Exit.OK
