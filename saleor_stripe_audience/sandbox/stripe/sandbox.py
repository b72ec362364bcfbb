"""The stand-in as one object: the API over HTTP, and the operator's actions."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from .operator import PUBLISHABLE_KEY, RESTRICTED_KEY, SECRET_KEY, Operator
from .server import Server


class StripeSandbox(Operator):
    """A private Stripe, in memory; the arguments are the operator's."""

    def wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI application: Stripe's API under /v1, the sandbox's own endpoints under /sandbox."""
        return Server(self).answer(environ, start_response)


__all__ = ["PUBLISHABLE_KEY", "RESTRICTED_KEY", "SECRET_KEY", "StripeSandbox"]
