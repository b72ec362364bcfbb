"""Serving a WSGI application on the loopback."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
import requests

from saleor_stripe_audience.sandbox.serving import Served


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    body = str(environ["REMOTE_PORT"]).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def test_connections_are_kept_and_cut_when_it_stops() -> None:
    served = Served(application).start()
    with requests.Session() as session:
        ports = {session.get(served.url, timeout=5).text for _ in range(3)}
        assert len(ports) == 1, "one connection for all three requests"
        served.stop()
        with pytest.raises(requests.ConnectionError):
            session.get(served.url, timeout=5)


def test_a_broken_application_gets_500_and_serving_continues(caplog: pytest.LogCaptureFixture) -> None:
    def broken(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/broken":
            raise ZeroDivisionError
        return application(environ, start_response)

    with Served(broken) as served, requests.Session() as session:
        assert session.post(f"{served.url}/broken", data=b"unread", timeout=5).status_code == 500
        assert session.get(served.url, timeout=5).ok
    assert "ZeroDivisionError" in caplog.text


def test_two_serve_side_by_side_on_free_ports() -> None:
    with Served(application) as one, Served(application) as other:
        assert one.port != other.port
        assert requests.get(one.url, timeout=5).ok
        assert requests.get(other.url, timeout=5).ok
    with pytest.raises(requests.ConnectionError):
        requests.get(one.url, timeout=5)
