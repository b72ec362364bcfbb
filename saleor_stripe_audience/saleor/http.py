"""The one door through which the host is called: a time-out on every call, no redirects, no transaction open."""

import socket
import threading
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool

from saleor_stripe_audience.database import leave_database
from saleor_stripe_audience.deadline import seconds_for_call
from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.saleor.addresses import is_named_by_operator, public_address

CONNECT_SECONDS = 2.0
HTTPS = 443
LARGEST_ANSWER = 8 * 1024 * 1024  # bytes

_local = threading.local()


class _PublicConnection(HTTPSConnection):
    """Connects to the address that was found to be public, so that a name cannot lead elsewhere a moment later."""

    def _new_conn(self) -> socket.socket:
        name = self._dns_host
        self._dns_host = public_address(name, self.port or HTTPS)
        try:
            return super()._new_conn()
        finally:
            self._dns_host = name  # the certificate is still asked for the name


class _PublicPool(HTTPSConnectionPool):
    ConnectionCls = _PublicConnection


class _PublicAdapter(HTTPAdapter):
    """Speaks to public addresses only."""

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = {"https": _PublicPool}


def _session(url: str) -> requests.Session:
    """A session of this thread's own: connections are reused, threads share nothing."""
    name = "named" if is_named_by_operator(url) else "public"
    if name == "public" and not url.startswith("https://"):
        raise Rejected("The shop's API address must begin with https://.", code="https_required")
    if not hasattr(_local, name):
        session = requests.Session()
        session.trust_env = False  # neither proxies nor credentials of the machine go to a shop
        if name == "public":
            session.mount("https://", _PublicAdapter())
        setattr(_local, name, session)
    found: requests.Session = getattr(_local, name)
    return found


def call(method: str, url: str, **fields: Any) -> requests.Response:
    """The answer, whatever its status; `Unavailable` when there is none in time, or it is a redirect.

    `Rejected` for an address that is not public, unless the operator named the shop.
    """
    leave_database()
    seconds = seconds_for_call()
    try:
        answer = _session(url).request(
            method, url, timeout=(min(CONNECT_SECONDS, seconds), seconds), allow_redirects=False, **fields
        )
    except requests.RequestException:
        raise Unavailable(
            "The shop did not answer. It will be tried again.", code="saleor_unreachable"
        ) from None
    if answer.is_redirect or len(answer.content) > LARGEST_ANSWER:
        raise Unavailable("The shop's API address answers with something else.", code="saleor_unreachable")
    return answer
