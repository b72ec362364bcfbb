"""A forked process opens connections of its own: on a shared one, it could read the response to another's request."""

import json
import threading
from collections.abc import Callable, Iterator

import pytest
from pytest_django.fixtures import Settings
from werkzeug.wrappers import Request, Response

from saleor_stripe_audience.gateway import client
from saleor_stripe_audience.saleor import http
from saleor_stripe_audience.sandbox.serving import Served
from saleor_stripe_audience.shops.models import Installation
from tests.payments.dying import alive


@pytest.fixture
def url(settings: Settings) -> Iterator[str]:
    """A server that responds with the port at which the connection begins."""

    @Request.application
    def answer(request: Request) -> Response:
        return Response(json.dumps({"port": request.environ["REMOTE_PORT"]}), mimetype="application/json")

    with Served(answer) as served:
        settings.ALLOWED_SALEOR_URLS = (served.url,)
        yield served.url


def at_stripe(url: str) -> int:
    response = client._connections(url).exchange("GET", "/", seconds=10, headers={}, body=None)
    return int(response.json()["port"])


def at_saleor(url: str) -> int:
    return int(http.call("GET", url).json()["port"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("connect", [at_stripe, at_saleor])
def test_it_has_connections_of_its_own(url: str, connect: Callable[[str], int]) -> None:
    port = connect(url)
    assert connect(url) == port, "kept open"
    assert alive(lambda: connect(url)) != port
    assert connect(url) == port


@pytest.mark.django_db(transaction=True)
def test_a_thread_that_has_ended_leaves_no_database_open() -> None:
    """Its connection is only closed by garbage collection; SQLite's locks would be inherited with it."""
    thread = threading.Thread(target=Installation.objects.exists)
    thread.start()
    thread.join()
    assert alive(lambda: 1) == 1
