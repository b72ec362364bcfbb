"""What a storefront does for its shopper, and a staff member in the Dashboard: only Saleor's GraphQL and Stripe's
browser calls, none of the app's.
"""

import math
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from saleor_stripe_audience.sandbox.saleor.seed import STAFF_EMAIL, STAFF_PASSWORD

from .stage import APP_ID, CALL_SECONDS, CONSENT_TEXT, Stage, StageFailed

Json = dict[str, Any]

LONG_SILENCE = timedelta(hours=2)
TOKEN_SECONDS = 240  # Saleor's tokens are valid for 300

ADDRESS = {
    "firstName": "Robin", "lastName": "Vale", "streetAddress1": "1 Harbour Street", "city": "Oswego",
    "countryArea": "NY", "postalCode": "13126", "country": "US", "phone": "+13155550123",
}  # fmt: skip

PRODUCTS = """query Products($channel: String!) {
  products(first: 20, channel: $channel) { edges { node { id name description thumbnail { url }
    variants { id name sku pricing { price { gross { amount currency } } } } } } } }"""
CHECKOUT = """mutation Checkout($input: CheckoutCreateInput!) {
  checkoutCreate(input: $input) {
    checkout { id shippingMethods { id active } } errors { field message code } } }"""
DELIVERY = """mutation Delivery($id: ID!, $method: ID!) {
  checkoutDeliveryMethodUpdate(id: $id, deliveryMethodId: $method) {
    checkout { id } errors { field message code } } }"""
AGREE = """mutation Agree($id: ID!, $metadata: [MetadataInput!]!) {
  updateMetadata(id: $id, input: $metadata) { errors { field message code } } }"""
GATEWAY = """mutation Gateway($id: ID!, $gateways: [PaymentGatewayToInitialize!]) {
  paymentGatewayInitialize(id: $id, paymentGateways: $gateways) {
    gatewayConfigs { id data errors { field message code } } errors { field message code } } }"""
_TRANSACTION = (
    "transaction { id } transactionEvent { type message pspReference } data errors { field message code }"
)
INITIALIZE = (
    "mutation Initialize($id: ID!, $gateway: PaymentGatewayToInitialize!, $key: String) {"
    " transactionInitialize(id: $id, paymentGateway: $gateway, idempotencyKey: $key) { "
    + _TRANSACTION
    + " } }"
)
PROCESS = "mutation Process($id: ID!) { transactionProcess(id: $id) { " + _TRANSACTION + " } }"
COMPLETE = """mutation Complete($id: ID!) {
  checkoutComplete(id: $id) { order { id number } errors { field message code } } }"""
SIGN_IN = """mutation SignIn($email: String!, $password: String!) {
  tokenCreate(email: $email, password: $password) { token errors { field message code } } }"""
REQUEST_ACTION = """mutation Act($id: ID!, $action: TransactionActionEnum!, $amount: PositiveDecimal) {
  transactionRequestAction(id: $id, actionType: $action, amount: $amount) {
    transaction { id } errors { field message code } } }"""
RENAME = """mutation Rename($id: ID!, $name: String!) {
  productUpdate(id: $id, input: {name: $name}) { product { id name } errors { field message code } } }"""
ORDER = """query Order($id: ID!) { order(id: $id) { id number status chargeStatus userEmail
    total { gross { amount currency } }
    transactions { id chargedAmount { amount currency } authorizedAmount { amount } refundedAmount { amount currency }
      events { type pspReference message createdAt amount { amount currency } } } } }"""


@dataclass(frozen=True)
class Attempt:
    """A payment attempt: Saleor's response and, if it succeeded, the order."""

    checkout: str
    transaction: str
    result: str
    message: str
    order: Json | None
    intent: str = ""


class Shopper:
    """Buys in one channel, each time as the buyer whose address is given."""

    def __init__(self, stage: Stage, channel: str = "default-channel") -> None:
        self._stage = stage
        self._channel = channel

    def products(self) -> list[Json]:
        """Return what the storefront shows."""
        edges = self._ask(PRODUCTS, channel=self._channel)["products"]["edges"]
        return [edge["node"] for edge in edges]

    def buy(self, variant_id: str, email: str, card: str, *, agrees: bool = False) -> Attempt:
        """Take a checkout from the cart to the order; with a declined card there is no order."""
        checkout = self._checkout(variant_id, email, agrees=agrees)
        publishable_key = self._gateway(checkout)
        started = self._initialize(checkout)
        secret = started["data"]["paymentIntent"]["stripeClientSecret"]
        self._confirm_in_browser(publishable_key, secret, card)
        return self.finish(checkout, started["transaction"]["id"])

    def finish(self, checkout: str, transaction: str) -> Attempt:
        """Return the payment's result, and the order if it succeeded; also after 3-D Secure."""
        event = self._change(PROCESS, id=transaction)["transactionEvent"]
        paid = event["type"].endswith("SUCCESS")
        order = self._change(COMPLETE, id=checkout)["order"] if paid else None
        return Attempt(checkout, transaction, event["type"], event["message"], order, event["pspReference"])

    def abandon(self, variant_id: str, email: str, *, agrees: bool = False) -> None:
        """Fill a cart and abandon it: two hours pass by the shop's clock, so that nobody has to wait."""
        checkout = self._checkout(variant_id, email, agrees=agrees)
        self._stage.saleor.age_checkout(checkout, LONG_SILENCE)

    def _checkout(self, variant_id: str, email: str, *, agrees: bool = False) -> str:
        lines = [{"variantId": variant_id, "quantity": 1}]
        wanted = {
            "channel": self._channel, "email": email, "lines": lines,
            "shippingAddress": ADDRESS, "billingAddress": ADDRESS, "languageCode": "EN_US",
        }  # fmt: skip
        made = self._change(CHECKOUT, input=wanted)["checkout"]
        method = next(each["id"] for each in made["shippingMethods"] if each["active"])
        self._change(DELIVERY, id=made["id"], method=method)
        checkout: str = made["id"]
        if agrees:
            self._agree(checkout)
        return checkout

    def _agree(self, checkout: str) -> None:
        """Write the metadata for a ticked box (see docs/audience.md). For an unticked box, a storefront
        writes nothing.
        """
        metadata = {
            "marketing_consent": "true", "consent_at": datetime.now(UTC).isoformat(),
            "consent_text": CONSENT_TEXT, "consent_source": "checkout",
        }  # fmt: skip
        pairs = [{"key": key, "value": value} for key, value in metadata.items()]
        self._change(AGREE, id=checkout, metadata=pairs)

    def _gateway(self, checkout: str) -> str:
        config = self._change(GATEWAY, id=checkout, gateways=[{"id": APP_ID}])["gatewayConfigs"][0]
        key: str = config["data"]["stripePublishableKey"]
        return key

    def _initialize(self, checkout: str) -> Json:
        gateway = {"id": APP_ID, "data": {"paymentIntent": {"paymentMethod": "card"}}}
        started = self._change(INITIALIZE, id=checkout, gateway=gateway, key=str(uuid.uuid4()))
        if not (started["data"] or {}).get("paymentIntent", {}).get("stripeClientSecret"):
            raise StageFailed(f"The payment did not start: {started['transactionEvent']['message']}")
        return started

    def _confirm_in_browser(self, publishable_key: str, secret: str, card: str) -> None:
        """Confirm the payment, as Stripe's script does in the shopper's browser; a decline is not an error."""
        intent = secret.split("_secret_", maxsplit=1)[0]
        requests.post(
            f"{self._stage.stripe_url}/v1/payment_intents/{intent}/confirm",
            data={
                "client_secret": secret,
                "payment_method_data[type]": "card",
                "payment_method_data[card][number]": card,
                "payment_method_data[card][exp_month]": "12",
                "payment_method_data[card][exp_year]": "2034",
                "payment_method_data[card][cvc]": "123",
                "return_url": "https://shop.example.com/checkout",
            },
            headers={"Authorization": f"Bearer {publishable_key}"},
            timeout=CALL_SECONDS,
        )

    def _ask(self, query: str, **variables: Any) -> Json:
        return ask(self._stage, query, None, **variables)

    def _change(self, mutation: str, **variables: Any) -> Json:
        return change(self._stage, mutation, None, **variables)


class Staff:
    """A staff member in the Dashboard, who signs in again whenever the token has expired."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._token = ""
        self._signed_in_at = -math.inf

    @property
    def token(self) -> str:
        """An "access" token with at least a minute left: Saleor's are valid for five."""
        if time.monotonic() - self._signed_in_at > TOKEN_SECONDS:
            given = {"email": STAFF_EMAIL, "password": STAFF_PASSWORD}
            self._token = change(self._stage, SIGN_IN, None, **given)["token"]
            self._signed_in_at = time.monotonic()
        return self._token

    def refund(self, transaction: str, amount: str) -> None:
        """Request a refund of `amount` in the transaction's currency."""
        self.request(transaction, "REFUND", amount)

    def request(self, transaction: str, action: str, amount: str | None) -> None:
        """Request CHARGE, REFUND or CANCEL, as the order's page in the Dashboard does."""
        change(self._stage, REQUEST_ACTION, self.token, id=transaction, action=action, amount=amount)

    def rename(self, product: str, name: str) -> None:
        """Change a product's name."""
        change(self._stage, RENAME, self.token, id=product, name=name)

    def order(self, order: str) -> Json:
        """Return the order with its transactions, as staff see it."""
        found: Json = ask(self._stage, ORDER, self.token, id=order)["order"]
        return found


def ask(stage: Stage, query: str, token: str | None, **variables: Any) -> Json:
    """Return the `data` of a GraphQL call to the shop; StageFailed if it has errors."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.post(
        stage.saleor_api_url,
        json={"query": query, "variables": variables},
        headers=headers,
        timeout=CALL_SECONDS,
    ).json()
    if answer.get("errors"):
        raise StageFailed(f"The shop refused: {answer['errors'][0]['message']}")
    data: Json = answer["data"]
    return data


def change(stage: Stage, mutation: str, token: str | None, **variables: Any) -> Json:
    """Return a mutation's payload; StageFailed if it has errors of its own."""
    payload: Json = next(iter(ask(stage, mutation, token, **variables).values()))
    if payload["errors"]:
        raise StageFailed(f"The shop refused: {payload['errors'][0]['message']}")
    return payload
