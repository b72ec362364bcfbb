"""What Saleor does by itself, and the small Dashboard."""

import html
import re
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.sandbox.saleor.sandbox import GraphQLFailed
from saleor_stripe_audience.sandbox.saleor.state import App

from .conftest import Shopper, succeed
from .recorder import Recorder
from .test_install import EXTENSION


def test_abandoned_checkouts_are_given_back(
    shop: SaleorSandbox, recorder: Recorder, shopper: Shopper
) -> None:
    recorder.answers["TRANSACTION_INITIALIZE_SESSION"] = succeed("CHARGE_SUCCESS")
    recorder.answers["TRANSACTION_REFUND_REQUESTED"] = succeed("REFUND_SUCCESS", psp="re_1")
    shopper.buy()
    shopper.initialize(shopper.checkout(quantity=1))
    shop.release_abandoned()
    shop.drain(10)
    [asked] = recorder.of("TRANSACTION_REFUND_REQUESTED")
    assert asked.body["action"]["amount"] == 18.0


def test_an_order_expires(shop: SaleorSandbox, recorder: Recorder, shopper: Shopper) -> None:
    recorder.answers["TRANSACTION_INITIALIZE_SESSION"] = succeed("CHARGE_REQUEST")
    shopper.buy()
    shop.drain(10)
    recorder.forget()
    shop.expire(shop.host.store.orders[0])
    shop.drain(10)
    assert sorted(recorder.names()) == ["ORDER_EXPIRED", "ORDER_UPDATED"]


def test_the_dashboard_frames_the_app_as_the_real_one_does(shop: SaleorSandbox, app: App) -> None:
    page = requests.get(shop.dashboard_url(app), params={"theme": "dark", "locale": "fr"}, timeout=5).text
    found = re.search(r'<iframe[^>]* sandbox="([^"]+)" src="([^"]+)"', page)
    assert found is not None
    assert found[1] == "allow-same-origin allow-forms allow-scripts allow-downloads allow-popups"
    url = urlsplit(html.unescape(found[2]))
    assert parse_qs(url.query) == {
        "id": [app.id],
        "saleorApiUrl": [shop.api_url],
        "domain": [shop.host.domain],
        "theme": ["dark"],
    }
    assert f"{url.scheme}://{url.netloc}{url.path}" == str(app.manifest["appUrl"]).rstrip("/")
    assert not url.path.endswith("/")


def test_the_dashboard_lives_on_an_origin_of_its_own(shop: SaleorSandbox, app: App) -> None:
    url = urlsplit(shop.dashboard_url(app))
    assert f"{url.scheme}://{url.netloc}" != shop.url


def test_the_dashboards_deeper_addresses_open_the_apps(shop: SaleorSandbox, app: App) -> None:
    page = requests.get(f"{shop.dashboard_url(app)}/accounts/new", timeout=5).text
    found = re.search(r'<iframe[^>]* src="([^"?]+)\?', page)
    assert found is not None
    assert found[1] == f"{str(app.manifest['appUrl']).rstrip('/')}/accounts/new"


def test_the_dashboard_hands_out_tokens_for_whoever_looks(shop: SaleorSandbox, app: App) -> None:
    address = f"{shop.url}/dashboard/token/{app.identifier}"
    granted = {"permissions": "MANAGE_USERS,MANAGE_APPS"}
    token = requests.get(address, params=granted, timeout=5).json()["token"]
    claims = shop.host.key.claims_of(token)
    assert claims is not None
    assert (claims["app"], claims["permissions"]) == (app.id, ["MANAGE_USERS"])
    missing = requests.get(f"{shop.url}/dashboard/token/none", timeout=5)
    assert missing.status_code == 404


def test_a_card_is_opened_as_the_real_dashboard_opens_it(shop: SaleorSandbox, recorder: Recorder) -> None:
    """The Dashboard's own query is first, its part of the URL follows twice, and the theme is missing."""
    widget = {
        "label": "Payment",
        "mount": "ORDER_DETAILS_WIDGETS",
        "target": "WIDGET",
        "url": "https://app.example.com/widgets/order",
        "options": {"widgetTarget": {"method": "GET"}},
    }
    recorder.changed = {"extensions": [widget, {**EXTENSION, "label": "Our payments"}]}
    app = shop.install(recorder.manifest_url)
    origin = shop.dashboard_url(app).partition("/dashboard")[0]
    answer = requests.get(
        f"{origin}/dashboard/orders/T3JkZXI6MQ==", params={"id": "own", "theme": "dark"}, timeout=5
    )
    found = re.search(r'<iframe[^>]* src="([^"]+)"', answer.text)
    assert found is not None
    url = urlsplit(html.unescape(found[1]))
    assert f"{url.scheme}://{url.netloc}{url.path}" == widget["url"]
    assert parse_qs(url.query) == {
        "id": ["own", app.id, app.id],
        "saleorApiUrl": [shop.api_url] * 2,
        "domain": [shop.host.domain] * 2,
        "orderId": ["T3JkZXI6MQ=="],
    }
    assert f"{urlsplit(shop.dashboard_url(app)).path}{EXTENSION['url']}" in answer.text
    assert "Our payments" in answer.text
    assert requests.get(f"{origin}/dashboard/customers/VXNlcjox", timeout=5).status_code == 404


def test_staff_ask_about_their_channels_with_the_token_of_an_app(shop: SaleorSandbox, app: App) -> None:
    query = "{ me { email restrictedAccessToChannels accessibleChannels { slug } } }"
    everything = shop.gql(query, token=shop.dashboard_token(app))["me"]
    assert everything["restrictedAccessToChannels"] is False
    assert [each["slug"] for each in everything["accessibleChannels"]] == ["default-channel", "channel-pln"]
    permissions = frozenset({"HANDLE_PAYMENTS"})
    token = shop.dashboard_token(app, permissions, channels=frozenset({"channel-pln"}))
    restricted = shop.gql(query, token=token)["me"]
    assert restricted["email"] == "colleague@example.com"
    assert restricted["restrictedAccessToChannels"] is True
    assert [each["slug"] for each in restricted["accessibleChannels"]] == ["channel-pln"]
    in_none = shop.gql(query, token=shop.dashboard_token(app, permissions, channels=frozenset()))["me"]
    assert (in_none["restrictedAccessToChannels"], in_none["accessibleChannels"]) == (True, [])


def test_the_token_of_an_app_has_the_permissions_of_both(shop: SaleorSandbox, app: App) -> None:
    customers = "{ customers(first: 1) { totalCount } }"
    with pytest.raises(GraphQLFailed, match="PermissionDenied"):
        shop.gql(customers, token=shop.dashboard_token(app, frozenset()))
    with pytest.raises(GraphQLFailed, match="PermissionDenied"):
        shop.gql(customers, token=shop.dashboard_token(app, frozenset({"HANDLE_PAYMENTS"})))


def test_the_page_is_opened_by_staff_in_some_channels(shop: SaleorSandbox, app: App) -> None:
    asked = {"permissions": "HANDLE_PAYMENTS", "channels": "channel-pln"}
    url = f"{shop.url}/dashboard/token/{app.identifier}"
    token = requests.get(url, params=asked, timeout=5).json()["token"]
    me = shop.gql("{ me { accessibleChannels { slug } } }", token=token)["me"]
    assert me == {"accessibleChannels": [{"slug": "channel-pln"}]}
