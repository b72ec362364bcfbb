"""Every HTTP call to Saleor: one deadline for the whole call, no redirects, no open transaction."""

import os
import threading
from typing import Any

import requests
from django.conf import settings
from django.utils.translation import pgettext_lazy
from urllib3.connectionpool import HTTPSConnectionPool

from saleor_stripe_audience import network
from saleor_stripe_audience.database import leave_database
from saleor_stripe_audience.deadline import seconds_for_call
from saleor_stripe_audience.errors import Rejected, Unavailable
from saleor_stripe_audience.network import LARGEST_ANSWER, Answer, NoAnswer
from saleor_stripe_audience.saleor.addresses import is_named_by_operator, public_address

HTTPS = 443

_local = threading.local()
# On a connection that two processes use, one may read the other's response.
os.register_at_fork(after_in_child=lambda: vars(_local).clear())


class _PublicConnection(network.TimedHTTPSConnection):
    """Connects to the IP address that was checked to be public: the name may lead elsewhere a moment later."""

    def addresses(self) -> list[str]:
        return [public_address(self._dns_host, self.port or HTTPS)]


class _PublicPool(HTTPSConnectionPool):
    ConnectionCls = _PublicConnection


class _PublicAdapter(network.TimedAdapter):
    """Connects to public addresses only."""

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = {"https": _PublicPool}


def _session(url: str) -> requests.Session:
    """The thread's own session: connections are reused, threads share nothing."""
    name = "named" if is_named_by_operator(url) else "public"
    if name == "public" and not url.startswith("https://"):
        raise Rejected("The shop's API URL must begin with https://.", code="https_required")
    if not hasattr(_local, name):
        adapter = _PublicAdapter() if name == "public" else None
        setattr(_local, name, network.make_session(adapter, ca_file=settings.CA_FILE))
    session: requests.Session = getattr(_local, name)
    return session


def call(method: str, url: str, *, largest: int = LARGEST_ANSWER, **fields: Any) -> Answer:
    """The response, whatever its status; `Unavailable` if there is none in time, or it is too large or a redirect.

    `Rejected` for an address that is not public, unless the operator listed the shop.
    """
    leave_database()
    try:
        response = network.exchange(
            _session(url), method, url, seconds=seconds_for_call(), largest=largest, **fields
        )
    except NoAnswer:
        raise Unavailable(
            pgettext_lazy("staff", "The shop did not respond. The app will try again."),
            code="saleor_unreachable",
        ) from None
    if response.is_redirect:
        raise Unavailable(
            pgettext_lazy("staff", "The shop's API URL redirects to another address."),
            code="saleor_unreachable",
        )
    return response
