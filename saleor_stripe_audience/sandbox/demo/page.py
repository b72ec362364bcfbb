"""The page of the demo: play the shopper on the left, and watch the payment, ledger and audience on the right."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import requests
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from saleor_stripe_audience.sandbox.serving import Served

from .person import person
from .shopper import Attempt, Json, Shopper, Staff
from .stage import CONSENT_TEXT, Stage, StageFailed

PAGE = Path(__file__).with_name("page.html")
OVERVIEW = """query Overview {
  payments(first: 8) { edges { node { id transactionId paymentIntentId status amount { amount currency }
    captured { amount currency } refunded { amount currency } declineMessage createdAt } } }
  contacts(first: 8) { edges { node { email status ordersCount spent { spent { amount currency } }
    purchases(first: 5) { edges { node { number lines { productName quantity } } } } } } }
  products(first: 30) { edges { node { name stripeProductId isActive
    prices { amount { amount currency } isActive } } } }
}"""


class Page:
    """The demo's own small web application; it has the orders placed since it was opened."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._shopper = Shopper(stage)
        self._staff = Staff(stage)
        self._attempts: list[Attempt] = []
        self._routes = Map(
            [
                Rule("/", endpoint=self._show, methods=["GET"]),
                Rule("/dashboard", endpoint=self._dashboard, methods=["GET"]),
                Rule("/products", endpoint=self._products, methods=["GET"]),
                Rule("/state", endpoint=self._state, methods=["GET"]),
                Rule("/graphiql", endpoint=self._graphiql, methods=["GET"]),
                Rule("/buy", endpoint=self._buy, methods=["POST"]),
                Rule("/abandon", endpoint=self._abandon, methods=["POST"]),
                Rule("/confirm", endpoint=self._confirm, methods=["POST"]),
                Rule("/request", endpoint=self._request, methods=["POST"]),
                Rule("/dispute", endpoint=self._dispute, methods=["POST"]),
                Rule("/rename", endpoint=self._rename, methods=["POST"]),
            ]
        )

    def wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """The WSGI application."""
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        try:
            act: Callable[[Request], Response]
            act, _ = self._routes.bind_to_environ(request.environ).match()
            return act(request)
        except HTTPException as refused:
            return Response(refused.description, status=refused.code)
        except (StageFailed, requests.RequestException) as failure:
            return _json({"error": str(failure)}, status=502)

    def _show(self, _: Request) -> Response:
        return Response(PAGE.read_text(encoding="utf-8"), content_type="text/html; charset=utf-8")

    def _graphiql(self, _: Request) -> Response:
        """Return GraphiQL's URL: the fragment after # stays in the browser, so the key does not appear in logs."""
        found: Response = redirect(
            f"{self._stage.app_url}/graphql/#key={self._stage.api_key}", Response=Response
        )
        return found

    def _dashboard(self, _: Request) -> Response:
        found: Response = redirect(self._stage.dashboard_url, Response=Response)
        return found

    def _products(self, _: Request) -> Response:
        return _json({"products": self._shopper.products(), "consentText": CONSENT_TEXT})

    def _state(self, request: Request) -> Response:
        """Return everything that the page shows, including all data of the contact whose address it sends."""
        orders = [self._staff.order(each.order["id"]) for each in reversed(self._attempts) if each.order]
        email = request.args.get("contact", "")
        contact = person(self._stage, email) if email else None
        return _json({"orders": orders, "person": contact, **_nodes(self._stage.graphql(OVERVIEW))})

    def _buy(self, request: Request) -> Response:
        form = request.form
        for channel in self._stage.saleor.host.store.channels:
            channel.flow = "AUTHORIZATION" if form.get("hold") else "CHARGE"
        card, agrees = form["card"].replace(" ", ""), "consent" in form
        return self._record(self._shopper.buy(form["variant"], form["email"], card, agrees=agrees))

    def _abandon(self, request: Request) -> Response:
        """Fill a cart as a shopper who does not come back."""
        form = request.form
        self._shopper.abandon(form["variant"], form["email"], agrees="consent" in form)
        return _json({})

    def _confirm(self, request: Request) -> Response:
        """Confirm or reject the payment as the shopper, when it requires 3-D Secure."""
        waiting = self._attempts[-1]
        self._stage.stripe.authenticate(waiting.intent, ok=request.form.get("ok") == "yes")
        return self._record(self._shopper.finish(waiting.checkout, waiting.transaction))

    def _record(self, attempt: Attempt) -> Response:
        self._attempts.append(attempt)
        number = attempt.order["number"] if attempt.order else None
        asks = attempt.result.endswith("ACTION_REQUIRED") and self._waits_for_bank(attempt)
        return _json(
            {"result": attempt.result, "message": attempt.message, "order": number, "bankAsks": asks}
        )

    def _waits_for_bank(self, attempt: Attempt) -> bool:
        intent = self._stage.stripe.account.table("payment_intent").get(attempt.intent) or {}
        return intent.get("status") == "requires_action"

    def _request(self, request: Request) -> Response:
        form = request.form
        self._staff.request(form["transaction"], form["action"], form.get("amount") or None)
        return _json({})

    def _dispute(self, request: Request) -> Response:
        """The bank decides."""
        self._stage.stripe.end_dispute(request.form["dispute"], request.form["outcome"])
        return _json({})

    def _rename(self, request: Request) -> Response:
        self._staff.rename(request.form["product"], request.form["name"])
        return _json({})


@contextmanager
def served_page(stage: Stage, port: int) -> Iterator[Served]:
    """The page on 127.0.0.1; another port is used if `port` is in use."""
    page = Page(stage)
    try:
        served = Served(page.wsgi, port)
    except OSError:
        served = Served(page.wsgi)
    with served:
        yield served


def _nodes(data: Json) -> dict[str, list[Any]]:
    return {name: [edge["node"] for edge in connection["edges"]] for name, connection in data.items()}


def _json(data: Json, status: int = 200) -> Response:
    return Response(json.dumps(data), status=status, content_type="application/json")
