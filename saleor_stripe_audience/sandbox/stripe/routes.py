"""Every endpoint of Stripe's API that the stand-in supports."""

from dataclasses import dataclass

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from . import (
    account,
    balance,
    cash_balances,
    catalogue,
    charges,
    connect,
    customers,
    disputes,
    payment_intents,
    payment_method_domains,
    payment_methods,
    refunds,
    setup_intents,
    webhooks,
)
from .errors import Refusal
from .state import Handler


@dataclass(frozen=True)
class Route:
    """One endpoint: the class in `stripe.params` that checks it, its function, its permission and what it returns."""

    method: str
    rule: str
    params: str
    handler: Handler
    kind: str
    resource: str
    browser: bool = False

    @property
    def is_list(self) -> bool:
        """Whether it returns a page of objects, so that expand[] paths begin with data."""
        return self.params.endswith(("ListParams", "SearchParams"))

    @property
    def level(self) -> str:
        """The permission's level."""
        return "read" if self.method == "GET" else "write"


def _route(
    line: str, params: str, handler: Handler, kind: str, resource: str = "", *, browser: bool = False
) -> Route:
    method, rule = line.split()
    return Route(method, f"/v1/{rule}", f"{params}Params", handler, kind, resource or kind, browser)


ROUTES = (
    _route("GET account", "AccountRetrieveCurrent", account.retrieve, "account"),
    _route("GET accounts/<id>", "AccountRetrieve", account.retrieve, "account"),
    _route("POST accounts", "AccountCreate", connect.create, "account"),
    _route("POST account_links", "AccountLinkCreate", connect.create_link, "account_link", "account"),
    _route("POST payment_intents", "PaymentIntentCreate", payment_intents.create, "payment_intent"),
    _route("GET payment_intents", "PaymentIntentList", payment_intents.list_, "payment_intent"),
    _route(
        "GET payment_intents/<id>",
        "PaymentIntentRetrieve",
        payment_intents.retrieve,
        "payment_intent",
        browser=True,
    ),
    _route("POST payment_intents/<id>", "PaymentIntentUpdate", payment_intents.update, "payment_intent"),
    _route(
        "POST payment_intents/<id>/confirm",
        "PaymentIntentConfirm",
        payment_intents.confirm,
        "payment_intent",
        browser=True,
    ),
    _route(
        "POST payment_intents/<id>/capture", "PaymentIntentCapture", payment_intents.capture, "payment_intent"
    ),
    _route(
        "POST payment_intents/<id>/cancel", "PaymentIntentCancel", payment_intents.cancel, "payment_intent"
    ),
    _route("POST setup_intents", "SetupIntentCreate", setup_intents.create, "setup_intent"),
    _route("GET setup_intents", "SetupIntentList", setup_intents.list_, "setup_intent"),
    _route(
        "GET setup_intents/<id>", "SetupIntentRetrieve", setup_intents.retrieve, "setup_intent", browser=True
    ),
    _route(
        "POST setup_intents/<id>/confirm",
        "SetupIntentConfirm",
        setup_intents.confirm,
        "setup_intent",
        browser=True,
    ),
    _route("POST setup_intents/<id>/cancel", "SetupIntentCancel", setup_intents.cancel, "setup_intent"),
    _route(
        "POST payment_methods", "PaymentMethodCreate", payment_methods.create, "payment_method", browser=True
    ),
    _route("GET payment_methods", "PaymentMethodList", payment_methods.list_, "payment_method"),
    _route("GET payment_methods/<id>", "PaymentMethodRetrieve", payment_methods.retrieve, "payment_method"),
    _route("POST payment_methods/<id>", "PaymentMethodUpdate", payment_methods.update, "payment_method"),
    _route(
        "POST payment_methods/<id>/attach", "PaymentMethodAttach", payment_methods.attach, "payment_method"
    ),
    _route(
        "POST payment_methods/<id>/detach", "PaymentMethodDetach", payment_methods.detach, "payment_method"
    ),
    _route(
        "POST payment_method_domains",
        "PaymentMethodDomainCreate",
        payment_method_domains.create,
        "payment_method_domain",
    ),
    _route(
        "GET payment_method_domains",
        "PaymentMethodDomainList",
        payment_method_domains.list_,
        "payment_method_domain",
    ),
    _route(
        "GET payment_method_domains/<id>",
        "PaymentMethodDomainRetrieve",
        payment_method_domains.retrieve,
        "payment_method_domain",
    ),
    _route(
        "POST payment_method_domains/<id>",
        "PaymentMethodDomainUpdate",
        payment_method_domains.update,
        "payment_method_domain",
    ),
    _route(
        "POST payment_method_domains/<id>/validate",
        "PaymentMethodDomainValidate",
        payment_method_domains.validate,
        "payment_method_domain",
    ),
    _route("POST customers", "CustomerCreate", customers.create, "customer"),
    _route("GET customers", "CustomerList", customers.list_, "customer"),
    _route("GET customers/search", "CustomerSearch", customers.search, "customer"),
    _route("GET customers/<id>", "CustomerRetrieve", customers.retrieve, "customer"),
    _route("POST customers/<id>", "CustomerUpdate", customers.update, "customer"),
    _route("DELETE customers/<id>", "CustomerDelete", customers.delete, "customer"),
    _route(
        "GET customers/<id>/payment_methods",
        "CustomerPaymentMethodList",
        payment_methods.list_,
        "payment_method",
        "payment_method",
    ),
    _route(
        "GET customers/<id>/cash_balance",
        "CustomerCashBalanceRetrieve",
        cash_balances.retrieve,
        "cash_balance",
        "customer",
    ),
    _route(
        "GET customers/<id>/cash_balance_transactions",
        "CustomerCashBalanceTransactionList",
        cash_balances.list_,
        "customer_cash_balance_transaction",
        "customer",
    ),
    _route("POST customer_sessions", "CustomerSessionCreate", customers.create_session, "customer_session"),
    _route("GET charges", "ChargeList", charges.list_, "charge"),
    _route("GET charges/<id>", "ChargeRetrieve", charges.retrieve, "charge"),
    _route("POST charges/<id>", "ChargeUpdate", charges.update, "charge"),
    _route("GET charges/<id>/refunds", "RefundList", refunds.list_, "refund", "charge"),
    _route("POST refunds", "RefundCreate", refunds.create, "refund", "charge"),
    _route("GET refunds", "RefundList", refunds.list_, "refund", "charge"),
    _route("GET refunds/<id>", "RefundRetrieve", refunds.retrieve, "refund", "charge"),
    _route("POST refunds/<id>", "RefundUpdate", refunds.update, "refund", "charge"),
    _route("GET disputes", "DisputeList", disputes.list_, "dispute"),
    _route("GET disputes/<id>", "DisputeRetrieve", disputes.retrieve, "dispute"),
    _route("POST disputes/<id>", "DisputeUpdate", disputes.update, "dispute"),
    _route("POST disputes/<id>/close", "DisputeClose", disputes.close, "dispute"),
    _route("GET balance_transactions", "BalanceTransactionList", balance.list_, "balance_transaction"),
    _route(
        "GET balance_transactions/<id>", "BalanceTransactionRetrieve", balance.retrieve, "balance_transaction"
    ),
    _route("POST products", "ProductCreate", catalogue.create_product, "product"),
    _route("GET products", "ProductList", catalogue.list_products, "product"),
    _route("GET products/<id>", "ProductRetrieve", catalogue.retrieve_product, "product"),
    _route("POST products/<id>", "ProductUpdate", catalogue.update_product, "product"),
    _route("DELETE products/<id>", "ProductDelete", catalogue.delete_product, "product"),
    _route("POST prices", "PriceCreate", catalogue.create_price, "price"),
    _route("GET prices", "PriceList", catalogue.list_prices, "price"),
    _route("GET prices/<id>", "PriceRetrieve", catalogue.retrieve_price, "price"),
    _route("POST prices/<id>", "PriceUpdate", catalogue.update_price, "price"),
    _route("POST webhook_endpoints", "WebhookEndpointCreate", webhooks.create, "webhook_endpoint"),
    _route("GET webhook_endpoints", "WebhookEndpointList", webhooks.list_, "webhook_endpoint"),
    _route("GET webhook_endpoints/<id>", "WebhookEndpointRetrieve", webhooks.retrieve, "webhook_endpoint"),
    _route("POST webhook_endpoints/<id>", "WebhookEndpointUpdate", webhooks.update, "webhook_endpoint"),
    _route("DELETE webhook_endpoints/<id>", "WebhookEndpointDelete", webhooks.delete, "webhook_endpoint"),
    _route("GET events", "EventList", webhooks.list_events, "event"),
    _route("GET events/<id>", "EventRetrieve", webhooks.retrieve_event, "event"),
)
_MAP = Map(
    [Rule(route.rule, methods=[route.method], endpoint=route) for route in ROUTES], redirect_defaults=False
)


def find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Return the route of a path and the ids in it; raise Stripe's 404 if there is none."""
    try:
        route, ids = _MAP.bind("sandbox").match(path, method)
    except HTTPException:
        raise Refusal(404, "invalid_request_error", f"Unrecognized request URL ({method}: {path}).") from None
    return route, {name: str(value) for name, value in ids.items()}
