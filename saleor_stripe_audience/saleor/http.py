"""The one door through which the host is called: a time-out on every call, no redirects, no transaction open."""

import threading
from typing import Any

import requests

from saleor_stripe_audience.database import leave_database
from saleor_stripe_audience.deadline import seconds_for_call
from saleor_stripe_audience.errors import Unavailable

CONNECT_SECONDS = 2.0
LARGEST_ANSWER = 8 * 1024 * 1024  # bytes

_local = threading.local()


def _session() -> requests.Session:
    """One session a thread: connections are reused, threads share nothing."""
    if not hasattr(_local, "session"):
        session = requests.Session()
        session.trust_env = False  # neither proxies nor credentials of the machine go to a shop
        _local.session = session
    found: requests.Session = _local.session
    return found


def call(method: str, url: str, **fields: Any) -> requests.Response:
    """The answer, whatever its status; `Unavailable` when there is none in time, or it is a redirect."""
    leave_database()
    seconds = seconds_for_call()
    try:
        answer = _session().request(
            method, url, timeout=(min(CONNECT_SECONDS, seconds), seconds), allow_redirects=False, **fields
        )
    except requests.RequestException:
        raise Unavailable(
            "The shop did not answer. It will be tried again.", code="saleor_unreachable"
        ) from None
    if answer.is_redirect or len(answer.content) > LARGEST_ANSWER:
        raise Unavailable("The shop's API address answers with something else.", code="saleor_unreachable")
    return answer
