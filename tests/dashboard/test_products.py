"""The list of products, a product, and the job that sends all of them."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from saleor_stripe_audience.catalog import sync
from saleor_stripe_audience.catalog.models import CatalogPrice, CatalogProduct
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.jobs import engine as jobs
from saleor_stripe_audience.jobs.models import Job
from tests.dashboard.conftest import EVERYTHING, Shop, make_shop
from tests.dashboard.rows import NOON, an_account
from tests.plans import explained

MAY = [*EVERYTHING, "MANAGE_PRODUCTS"]


def a_product(account: StripeAccount, name: str = "Lamp", **changed: Any) -> CatalogProduct:
    number = CatalogProduct.objects.count()
    made = CatalogProduct.objects.create(
        installation=account.installation,
        account=account,
        name=name,
        issued_at=NOON,
        pushed_at=NOON,
        **(
            {
                "saleor_product_id": f"UHJvZHVjdDo{number}",
                "saleor_variant_id": f"UHJvZHVjdFZhcmlhbnQ6{number}",
                "sku": f"SKU-{number}",
                "stripe_product_id": f"prod_{number}",
            }
            | changed
        ),
    )
    CatalogPrice.objects.create(
        product=made,
        channel_slug="default-channel",
        currency="USD",
        amount_minor=123_450,
        stripe_price_id=f"price_{made.pk}",
    )
    return made


@pytest.fixture
def account(shop: Shop) -> StripeAccount:
    found = an_account(shop.installation)
    StripeAccount.objects.filter(pk=found.pk).update(charges_enabled=True)
    found.channels.create(channel_slug="default-channel", installation=shop.installation)
    return StripeAccount.objects.get(pk=found.pk)


def ask(client: Client, shop: Shop, path: str = "products", language: str = "en", **query: str) -> str:
    headers = shop.headers(user_permissions=MAY) | {"Accept-Language": language}
    answer = client.get(f"/dashboard/{path}", query or None, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def post(client: Client, shop: Shop, path: str, **fields: str | list[str]) -> tuple[int, str]:
    answer = client.post(f"/dashboard/{path}", fields, headers=shop.headers(user_permissions=MAY))
    return answer.status_code, answer.content.decode()


def found(text: str) -> list[str]:
    return re.findall(r'id="product-\d+"[^>]+>([^<]+)</button>', text)


def test_products_are_found_by_name_sku_state_and_problem(
    shop: Shop, client: Client, account: StripeAccount
) -> None:
    a_product(account, "Lamp")
    a_product(
        account,
        "Table",
        state="failed",
        last_errors={"en": "Stripe refused it.", "fr": "Stripe l'a refusé."},
        sku="tab-1",
    )
    a_product(
        account, "Chair", problems=[{"code": "no_price", "message": "No.", "channel": "default-channel"}]
    )
    assert found(ask(client, shop)) == ["Chair", "Lamp", "Table"]
    assert found(ask(client, shop, q="am")) == ["Lamp"]
    assert found(ask(client, shop, q="TAB-1")) == ["Table"]
    assert found(ask(client, shop, status="failed")) == ["Table"]
    assert found(ask(client, shop, problems="yes")) == ["Chair", "Table"]
    assert found(ask(client, shop, account=str(account.pk))) == ["Chair", "Lamp", "Table"]
    for query in ({"q": "\0zz"}, {"q": "zzz"}, {"status": "x"}, {"account": "x"}):
        assert found(ask(client, shop, **query)) == []


def test_products_of_a_disconnected_account_say_so(
    shop: Shop, client: Client, account: StripeAccount
) -> None:
    """What is in Stripe there is no longer kept up to date, so it has no other state, problem or action."""
    a_product(account, "Lamp")
    left = an_account(shop.installation, "Former")
    gone = a_product(left, "Table", problems=[{"code": "no_price", "message": "No.", "channel": ""}])
    assert "disconnected" not in ask(client, shop), "the filter is only offered where it finds something"
    StripeAccount.objects.filter(pk=left.pk).update(state="disconnected")
    text = ask(client, shop)
    assert '<option value="disconnected">Account disconnected</option>' in text
    assert re.findall(r'<span class="badge (?:good|plain|todo)">([^<]+)<', text) == [
        "In Stripe",
        "Account disconnected",
    ]
    assert "Former (disconnected)" in text
    assert found(ask(client, shop, status="synced")) == ["Lamp"]
    assert found(ask(client, shop, status="disconnected")) == ["Table"]
    assert found(ask(client, shop, problems="yes")) == []
    assert found(ask(client, shop, account=str(left.pk))) == ["Table"]
    one = ask(client, shop, f"products/{gone.pk}", language="fr")
    assert "Compte déconnecté" in one
    assert "Edit" not in one
    assert "Modifier" not in one
    answer = client.get(f"/dashboard/products/{gone.pk}/edit", headers=shop.headers(user_permissions=MAY))
    assert answer.status_code == 422
    assert "“Former” is disconnected" in answer.content.decode()


def test_pages_are_in_order_and_cost_the_same(shop: Shop, client: Client, account: StripeAccount) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            ask(client, shop)
        return len(queries)

    a_product(account, "Product 00")
    one = cost()
    assert one <= 10
    for number in range(1, 45):
        a_product(account, f"Product {number:02}\u200b")
    assert cost() == one
    seen, text = found(ask(client, shop)), ask(client, shop)
    for _ in range(2):
        [link] = re.findall(r'id="next" hx-get="/dashboard/([^"]+)"', text)
        text = ask(client, shop, link.replace("&amp;", "&"))
        seen += found(text)
    assert [each[:10] for each in seen] == [f"Product {number:02}" for number in range(45)]
    [link] = re.findall(r'id="previous" hx-get="/dashboard/([^"]+)"', text)
    assert found(ask(client, shop, link.replace("&amp;", "&"))) == seen[20:40]


def test_an_index_has_the_products_in_order(shop: Shop, client: Client, account: StripeAccount) -> None:
    a_product(account)
    with explained(in_order=True) as plans:
        ask(client, shop)
    [plan] = [
        each for each in plans if 'FROM "catalog_catalogproduct"' in each.sql and "LIMIT 21" in each.sql
    ]
    assert "catalog_by_name" in plan.lines


@pytest.mark.parametrize(
    "place",
    [
        "x",
        "W10=",
        "WyJhIiwgIjEiLCAyXQ==",
        "WyJhIiwgOTk5OTk5OTk5OTk5OTk5OTk5OTk5OV0=",
        "WyJcdTAwMDAiLCAxXQ==",
        "WyJcdWQ4MDAiLCAxXQ==",
    ],
)
def test_an_address_that_was_cut_off_is_the_first_page(
    shop: Shop, client: Client, account: StripeAccount, place: str
) -> None:
    a_product(account)
    assert found(ask(client, shop, after=place)) == ["Lamp"]


@pytest.mark.parametrize(("language", "reason"), [("en", "Too many."), ("fr", "Trop.")])
def test_why_it_was_not_sent_is_in_the_language_of_the_reader(
    shop: Shop, client: Client, account: StripeAccount, language: str, reason: str
) -> None:
    made = a_product(account, state="failed", last_errors={"en": "Too many.", "fr": "Trop."})
    assert f"<p>{reason}</p>" in ask(client, shop, f"products/{made.pk}", language=language)


def test_one_product_shows_prices_problems_and_both_links(
    shop: Shop, client: Client, account: StripeAccount
) -> None:
    problem = {"code": "below_one_dollar", "message": "Too little.", "channel": "default-channel"}
    made = a_product(
        account, '<b>"Lamp"', problems=[problem], last_errors={"en": "Stripe refused it <b>."}, state="failed"
    )
    text = ask(client, shop, f"products/{made.pk}")
    for expected in (
        "1,234.50 USD",
        "Default – The price is below the equivalent of one US dollar.",
        "Stripe refused it &lt;b&gt;.",
        'data-route="/products/UHJvZHVjdDo0"'.replace("o0", f"o{made.saleor_product_id[-1]}"),
        'href="https://dashboard.stripe.com/test/products/prod_0"',
    ):
        assert expected in text
    assert "<b>" not in text
    french = ask(client, shop, f"products/{made.pk}", language="fr")
    assert "Le prix est inférieur à l&#x27;équivalent d&#x27;un dollar américain." in french


def test_products_without_a_variant_are_named(shop: Shop, client: Client, account: StripeAccount) -> None:
    job = sync.start(account, "")
    found = [
        {
            "of": "products",
            "id": f"p{number}",
            "code": "no_variant",
            "message": "",
            "name": f"<i>{number}</i>",
        }
        for number in range(11)
    ]
    second = an_account(shop.installation, "Second")
    second.channels.create(channel_slug="channel-pln", installation=shop.installation)
    sync.start(second, "")
    Job.objects.update(report={"problems": found})
    text = ask(client, shop, "products/sync")
    several = "Nobody can buy these products, because they have no variant: &lt;i&gt;0&lt;/i&gt;, "
    assert text.count(several) == 1, "once, although the jobs of both accounts found them"
    assert "&lt;i&gt;9&lt;/i&gt; …" in text
    assert "failed" not in text
    assert "personne ne peut les acheter" in ask(client, shop, "products/sync", language="fr")
    Job.objects.filter(pk=job.pk).update(report={"problems": found[:1]})
    Job.objects.exclude(pk=job.pk).update(report={})
    text = ask(client, shop, "products/sync")
    assert "Nobody can buy this product, because it has no variant: &lt;i&gt;0&lt;/i&gt;<" in text
    assert "personne ne peut l'acheter" in ask(client, shop, "products/sync", language="fr")


def test_a_product_that_an_account_does_not_sell_is_listed_once(
    shop: Shop, client: Client, account: StripeAccount
) -> None:
    second = an_account(shop.installation, "Second")
    lamp = a_product(account, "Lamp", problems=[{"code": "image_left_out", "message": "No.", "channel": ""}])
    draft = a_product(account, "Draft", state="not_sold", stripe_product_id="")
    for each in (lamp, draft):
        a_product(
            second,
            each.name,
            state="not_sold",
            stripe_product_id="",
            saleor_product_id=each.saleor_product_id,
            saleor_variant_id=each.saleor_variant_id,
        )
    both = a_product(account, "Table")
    a_product(
        second, "Table", saleor_product_id=both.saleor_product_id, saleor_variant_id=both.saleor_variant_id
    )
    assert found(ask(client, shop)) == ["Draft", "Lamp", "Table", "Table"], (
        "one for each account that sells it"
    )
    assert found(ask(client, shop, problems="yes")) == ["Lamp"]
    assert found(ask(client, shop, status="not_sold")) == ["Draft"]
    assert found(ask(client, shop, account=str(second.pk))) == ["Draft", "Lamp", "Table"], "what it has"
    StripeAccount.objects.filter(pk=account.pk).update(state="disconnected")
    assert found(ask(client, shop, status="not_sold")) == ["Draft", "Lamp"]


def test_prices_are_in_the_order_of_their_channels_names(
    shop: Shop, client: Client, account: StripeAccount
) -> None:
    made = a_product(account, "Lamp")
    for slug, name, currency in (("a", "Zürich", "CHF"), ("z", "austria", "EUR")):
        shop.installation.channels.create(slug=slug, name=name, currency=currency)
        CatalogPrice.objects.create(
            product=made,
            channel_slug=slug,
            currency=currency,
            amount_minor=100,
            stripe_price_id=f"price_{slug}",
        )
    wanted = ["1.00 EUR", "1,234.50 USD", "1.00 CHF"]
    for path in ("products", f"products/{made.pk}"):
        assert re.findall(r"[\d,.]+ (?:CHF|EUR|USD)", ask(client, shop, path)) == wanted, path


def test_the_job_is_started_paused_resumed_and_cancelled(
    shop: Shop, client: Client, account: StripeAccount
) -> None:
    for _ in range(2):
        assert post(client, shop, "products/sync", do="start")[0] == 200
    job = Job.objects.get(kind=Job.Kind.CATALOGUE)
    assert "Queued" in ask(client, shop, "products/sync")
    Job.objects.filter(pk=job.pk).update(total=200, done=50, worked_seconds=60, state="running")
    text = ask(client, shop, "products/sync")
    for expected in ('value="50" max="200"', "50 of 200", "about 4 minutes left", "every 3s"):
        assert expected in text
    for action, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        for _ in range(2):
            assert post(client, shop, "products/sync", do=action, job=str(job.pk))[0] == 200
        job.refresh_from_db()
        assert job.state == state
    assert "every 3s" not in ask(client, shop, "products/sync")
    status, text = post(client, shop, "products/sync", do="resume", job=str(job.pk))
    assert status == 422
    assert 'class="note bad"' in text


def test_other_shops_and_clerks_are_refused(shop: Shop, client: Client, account: StripeAccount) -> None:
    other = make_shop("https://other.example.com/graphql/", "QXBwOjk=")
    theirs = an_account(other.installation, "Theirs")
    foreign, job = a_product(theirs, "Foreign"), sync.start(theirs, "")
    assert "Foreign" not in ask(client, shop)
    assert found(ask(client, shop, account=str(theirs.pk))) == []
    may = shop.headers(user_permissions=MAY)
    for path in (f"products/{foreign.pk}", f"products/{foreign.pk}/edit", "products/999999"):
        assert post(client, shop, f"products/{foreign.pk}/edit", title="X")[0] == 404
        assert client.get(f"/dashboard/{path}", headers=may).status_code == 404
    for action in ("pause", "cancel"):
        assert post(client, shop, "products/sync", do=action, job=str(job.pk))[0] == 422
    imported = jobs.get_or_create(shop.installation, Job.Kind.IMPORT, "")
    assert post(client, shop, "products/sync", do="cancel", job=str(imported.pk))[0] == 422
    assert set(Job.objects.values_list("state", flat=True)) == {"queued"}
    clerk = shop.headers(user_permissions=["HANDLE_PAYMENTS", "MANAGE_APPS", "MANAGE_USERS"])
    for path in ("products", "products/add", "products/sync", f"products/{foreign.pk}"):
        assert client.get(f"/dashboard/{path}", headers=clerk).status_code == 403
    assert client.post("/dashboard/products/sync", {"do": "start"}, headers=clerk).status_code == 403
    assert 'id="to-products"' not in client.get("/dashboard/contacts", headers=clerk).content.decode()
