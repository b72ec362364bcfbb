"""Keys of programs and of the shop's pages: created, shown once, revoked."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from saleor_stripe_audience.api_keys.keys import create_key, find_key
from saleor_stripe_audience.api_keys.models import ApiKey
from saleor_stripe_audience.audience.signup import storefront
from saleor_stripe_audience.audience.signup.models import StorefrontKey
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway import onboarding
from saleor_stripe_audience.gateway.models import StripeAccount
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import an_account


def post(client: Client, shop: Shop, path: str, fields: Any = None, **claims: Any) -> tuple[int, str]:
    answer = client.post(f"/dashboard/{path}", fields or {}, headers=shop.headers(**claims))
    return answer.status_code, html.unescape(answer.content.decode())


def test_a_key_is_shown_once_and_does_what_was_chosen(shop: Shop, client: Client) -> None:
    fields = {"name": "Reports", "scope": ["payments:read", "audience:write"], "days": "30"}
    status, page = post(client, shop, "keys/create", fields)
    assert status == 200
    found = re.search(r'class="secret" value="(ssa_[^"]+)"', page)
    assert found is not None
    key = find_key(found[1])
    assert key is not None
    assert (key.name, key.scopes, key.installation) == (
        "Reports",
        ["audience:write", "payments:read"],
        shop.installation,
    )
    assert key.expires_at is not None
    again = client.get("/dashboard/keys", headers=shop.headers()).content.decode()
    assert found[1] not in again
    assert "Reports" in again


def form_of(client: Client, shop: Shop) -> str:
    found = re.findall(
        r'name="form_key" value="([^"]+)"',
        client.get("/dashboard/keys", headers=shop.headers()).content.decode(),
    )
    return str(found[0])


def secret_in(page: str) -> str:
    found = re.search(r'class="secret" value="(ssa_[^"]+)"', page)
    assert found is not None
    return found[1]


def test_a_form_that_is_sent_twice_makes_one_key_and_what_is_shown_last_opens(
    shop: Shop, client: Client
) -> None:
    fields = {"name": "Reports", "scope": "payments:read", "form_key": form_of(client, shop)}
    first, second = (secret_in(post(client, shop, "keys/create", fields)[1]) for _ in range(2))
    assert ApiKey.objects.count() == 1
    assert find_key(first) is None
    used = find_key(second)
    assert used is not None
    status, page = post(client, shop, "keys/create", fields)  # the key is in use, so it does not change
    assert (status, "has already created “Reports”" in page) == (422, True)
    assert find_key(second) == used
    assert (
        secret_in(post(client, shop, "keys/create", fields | {"form_key": form_of(client, shop)})[1])
        != second
    )
    assert ApiKey.objects.count() == 2


def test_a_form_that_was_left_open_does_not_replace_its_key(shop: Shop, client: Client) -> None:
    fields = {"name": "Reports", "scope": "payments:read", "form_key": form_of(client, shop)}
    secret = secret_in(post(client, shop, "keys/create", fields)[1])
    ApiKey.objects.update(created_at=timezone.now() - timedelta(hours=2))
    assert post(client, shop, "keys/create", fields)[0] == 422
    assert find_key(secret) is not None
    ApiKey.objects.update(created_at=timezone.now(), last_used_at=None, revoked_at=timezone.now())
    assert post(client, shop, "keys/create", fields)[0] == 422


def test_a_refused_form_is_still_the_same_form(shop: Shop, client: Client) -> None:
    form = form_of(client, shop)
    page = post(client, shop, "keys/create", {"name": "", "scope": "payments:read", "form_key": form})[1]
    assert f'name="form_key" value="{form}"' in page
    for _ in range(2):
        assert post(client, shop, "keys/create", {"name": "N", "scope": "payments:read"})[0] == 200
    assert ApiKey.objects.count() == 2  # without a form, each is a separate one


def test_the_same_form_in_another_shop_is_another(shop: Shop, client: Client) -> None:
    other = make_shop("https://other.example.com/graphql/", "QXBwOjI=")
    fields = {"name": "Reports", "scope": "payments:read", "form_key": form_of(client, shop)}
    secrets = [secret_in(post(client, each, "keys/create", fields)[1]) for each in (shop, other)]
    found = [find_key(each) for each in secrets]
    assert [key.installation for key in found if key] == [shop.installation, other.installation]


def test_a_storefronts_form_that_is_sent_twice_makes_one_key(shop: Shop, client: Client) -> None:
    fields = {"origins": "https://shop.example.com", "form_key": form_of(client, shop)}
    for _ in range(2):
        assert post(client, shop, "keys/storefront", fields)[0] == 200
    assert StorefrontKey.objects.count() == 1
    assert post(client, shop, "keys/storefront", fields | {"form_key": form_of(client, shop)})[0] == 200
    assert StorefrontKey.objects.count() == 2


@pytest.mark.parametrize(
    ("fields", "says", "wrong"),
    [
        ({"name": "", "scope": "payments:read"}, "Give the key a name", "name"),
        ({"name": "N" * 201, "scope": "payments:read"}, "at most 200 characters", "name"),
        ({"name": "N"}, "Choose at least one permission", "scope"),
        ({"name": "N", "scope": "none:read"}, "cannot have more permissions than you have", "scope"),
        ({"name": "N", "scope": "catalogue:read"}, "cannot have more permissions than you have", "scope"),
        ({"name": "N", "scope": "payments:read", "days": "0"}, "1 to 3650 days", "days"),
        ({"name": "N", "scope": "payments:read", "days": "²"}, "as digits", "days"),
        ({"name": "N", "scope": "payments:read", "days": "-1"}, "as digits", "days"),
    ],
)
def test_a_key_that_cannot_be_made_says_why(
    shop: Shop, client: Client, fields: dict[str, str], says: str, wrong: str
) -> None:
    status, page = post(client, shop, "keys/create", fields)
    assert status == 422
    assert says in page
    assert re.findall(r'<input[^>]* name="(\w+)"[^>]* data-focus>', page) == [wrong]
    assert not ApiKey.objects.exists()


def test_keys_are_revoked_once_and_only_ones_own(shop: Shop, client: Client) -> None:
    created = create_key(shop.installation, "Reports")
    for _ in range(2):
        assert post(client, shop, f"keys/{created.key.pk}/revoke")[0] == 200
    assert find_key(created.secret) is None
    foreign = create_key(make_shop("https://other.example.com/graphql/", "QXBwOjI=").installation, "Theirs")
    assert post(client, shop, f"keys/{foreign.key.pk}/revoke")[0] == 404
    assert find_key(foreign.secret) is not None
    assert "Theirs" not in client.get("/dashboard/keys", headers=shop.headers()).content.decode()


def test_a_storefronts_key_is_made_for_its_pages_and_revoked(shop: Shop, client: Client) -> None:
    fields = {"origins": "https://shop.example.com, https://www.example.com", "name": "Shop"}
    assert post(client, shop, "keys/storefront", fields)[0] == 200
    key = StorefrontKey.objects.get()
    assert key.origins == ["https://shop.example.com", "https://www.example.com"]
    for _ in range(2):
        assert post(client, shop, f"keys/storefront/{key.pk}/revoke")[0] == 200
    assert storefront.find_key(key.key) is None
    other = make_shop("https://other.example.com/graphql/", "QXBwOjI=").installation
    foreign = storefront.create_key(other, ["https://a.example.com"])
    assert post(client, shop, f"keys/storefront/{foreign.pk}/revoke")[0] == 404


def test_an_origin_is_stored_as_browsers_send_it(shop: Shop, client: Client) -> None:
    fields = {
        "origins": "https://Shop.example.com:443, http://localhost:80, http://localhost:3000",
        "name": "Shop",
    }
    assert post(client, shop, "keys/storefront", fields)[0] == 200
    assert StorefrontKey.objects.get().origins == [
        "http://localhost",
        "http://localhost:3000",
        "https://shop.example.com",
    ]


@pytest.mark.parametrize(
    "origins", ["https://müller.example", "", "shop", "ftp://shop.example.com", "https://a.example.com/path"]
)
def test_an_address_that_is_no_origin_is_refused_in_french_too(
    shop: Shop, client: Client, origins: str
) -> None:
    status, page = post(client, shop, "keys/storefront", {"origins": origins})
    assert status == 422
    assert "https://shop.example.com" in page
    assert re.findall(r'<input id="(\w+)"[^>]* data-focus>', page) == ["origins"]
    french = shop.headers() | {"Accept-Language": "fr"}
    answer = client.post("/dashboard/keys/storefront", {"origins": origins}, headers=french)
    expected = "l&#x27;adresse d&#x27;un site" if origins else "adresses de sites"
    assert expected in answer.content.decode()
    assert not StorefrontKey.objects.exists()


def test_what_a_key_may_do_is_said_in_words(shop: Shop, client: Client) -> None:
    fields = {
        "name": "Reports",
        "scope": ["payments:read", "audience:write"],
        "form_key": form_of(client, shop),
    }
    page = post(client, shop, "keys/create", fields)[1]
    assert "audience:write, " not in page
    assert "Audience: read and change, Payments: read ·" in page


def test_a_refused_name_stays_in_its_own_form(shop: Shop, client: Client) -> None:
    page = post(client, shop, "keys/storefront", {"origins": "shop", "name": "Blog"})[1]
    assert re.search(r'<input id="storefront-name" name="name" value="Blog"', page)
    assert re.search(r'<input id="key-name" name="name" value=""', page)


def test_an_endpoint_is_renewed_or_what_is_wrong_is_said(
    shop: Shop, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = an_account(shop.installation)
    renewed: list[StripeAccount] = []
    monkeypatch.setattr(onboarding, "renew_endpoint", renewed.append)
    status, page = post(client, shop, f"accounts/{account.pk}/endpoint")
    assert (status, "Renewed" in page, renewed) == (200, True, [account])

    def refuse(_account: StripeAccount) -> None:
        raise Rejected("No endpoint.")

    monkeypatch.setattr(onboarding, "renew_endpoint", refuse)
    status, page = post(client, shop, f"accounts/{account.pk}/endpoint")
    assert (status, "No endpoint." in page) == (422, True)
    foreign = an_account(make_shop("https://other.example.com/graphql/", "QXBwOjI=").installation)
    assert post(client, shop, f"accounts/{foreign.pk}/endpoint")[0] == 404
