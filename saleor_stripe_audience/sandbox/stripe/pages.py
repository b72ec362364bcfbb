"""Pages for people: the bank's for 3-D Secure, a receipt, and a merchant's onboarding."""

import copy
import html
import json
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from . import connect
from .operator import Operator
from .state import Account, Json, Link

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<style>body{{font:16px system-ui;max-width:26rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;padding:.6rem 1rem;margin:.5rem .5rem 0 0}}</style></head>
<body><h1>{title}</h1>{body}</body></html>"""
_CHOICE = """<p>{what}</p><form method="post">
<button name="outcome" value="complete" data-testid="complete">Complete authentication</button>
<button name="outcome" value="fail" data-testid="fail">Fail authentication</button></form>"""

_ONBOARDING = """<p>Give Stripe the details of {name}. What should the result be?</p><form method="post">
<button name="outcome" value="complete" data-testid="complete">Everything is in order</button>
<button name="outcome" value="review" data-testid="review">Stripe is still checking</button>
<button name="outcome" value="restrict" data-testid="restrict">A document is missing</button>
<button name="outcome" value="reject" data-testid="reject">Stripe refuses the account</button>
<button name="outcome" value="" data-testid="leave">Leave without finishing</button></form>"""


def as_json(value: Any, status: int = 200) -> Response:
    """Return a JSON response of the sandbox's own endpoints, readable by pages of any origin."""
    text = json.dumps(value)
    return Response(text, status, {"Access-Control-Allow-Origin": "*"}, content_type="application/json")


def bank(sandbox: Operator, _request: Request, identifier: str) -> Response:
    """GET /sandbox/3ds/{id}: where next_action sends the shopper."""
    intent = _intent(sandbox, identifier)
    if intent["status"] != "requires_action":
        return _page("Nothing to do", f"<p>This payment is {html.escape(intent['status'])}.</p>")
    return _page("Sandbox bank", _CHOICE.format(what=html.escape(_what(intent))))


def answer_bank(sandbox: Operator, request: Request, identifier: str) -> Response:
    """POST /sandbox/3ds/{id}: outcome=complete or fail; redirects to the return_url of the confirmation."""
    before = _intent(sandbox, identifier)
    ok = request.form.get("outcome") == "complete"
    intent = sandbox.authenticate(identifier, ok=ok)
    return_url = _return_url(before) or request.args.get("return_url")
    if not return_url:
        return as_json({"id": intent["id"], "status": intent["status"]})
    return redirect(_back(return_url, intent, ok=ok), 303)


def receipt(sandbox: Operator, _request: Request, identifier: str) -> Response:
    """GET /sandbox/receipts/{id}"""
    return _page("Receipt", f"<p>{html.escape(_what(_intent(sandbox, identifier)))}</p>")


def onboarding(sandbox: Operator, _request: Request, token: str) -> Response:
    """GET /sandbox/connect/{token}: the hosted onboarding. A link works once; then Stripe requests another."""
    with sandbox.lock:
        account, link = connect.find_link(sandbox.accounts, token)
        if _is_over(sandbox, account, link):
            return redirect(link.refresh_url, 303)
        link.is_visited = True
    return _page("Sandbox onboarding", _ONBOARDING.format(name=html.escape(account.name or account.id)))


def leave_onboarding(sandbox: Operator, request: Request, token: str) -> Response:
    """POST /sandbox/connect/{token}: outcome=complete, review, restrict, reject, or empty; redirects to return_url."""
    outcome = request.form.get("outcome", "")
    with sandbox.lock:
        account, link = connect.find_link(sandbox.accounts, token)
        if not link.is_visited or link.is_left:
            return redirect(link.refresh_url, 303)
        link.is_left = True
        if outcome in connect.OUTCOMES:
            sandbox.onboard(account.id, outcome)
    return redirect(link.return_url, 303)


def _is_over(sandbox: Operator, account: Account, link: Link) -> bool:
    left = account.connection is None or account.connection.is_revoked
    return left or link.is_visited or sandbox.now() >= link.expires_at


def _intent(sandbox: Operator, identifier: str) -> Json:
    table = "setup_intent" if identifier.startswith("seti_") else "payment_intent"
    with sandbox.lock:
        return copy.deepcopy(sandbox.find(table, identifier))


def _what(intent: Json) -> str:
    if intent["object"] == "setup_intent":
        return "Save this payment method"
    return f"Pay {intent['amount']} {intent['currency'].upper()} (smallest unit)"


def _return_url(intent: Json) -> str | None:
    action = (intent["next_action"] or {}).get("redirect_to_url")
    return action["return_url"] if action else None


def _back(return_url: str, intent: Json, *, ok: bool) -> str:
    """Return the return_url with the parameters that Stripe adds."""
    name = intent["object"]
    parts = urlsplit(return_url)
    added = {
        name: intent["id"],
        f"{name}_client_secret": intent["client_secret"],
        "redirect_status": "succeeded" if ok else "failed",
    }
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), *added.items()])))


def _page(title: str, body: str) -> Response:
    return Response(_PAGE.format(title=title, body=body), content_type="text/html; charset=utf-8")
