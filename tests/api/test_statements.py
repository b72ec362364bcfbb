"""The number of SQL statements of a request does not grow with the rows that it shows."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleor_stripe_audience.audience.models import Contact, FormerAddress, Segment, Tag
from saleor_stripe_audience.audience.people.audiences import AudienceSettings, create_audience
from saleor_stripe_audience.audience.segments import membership, store
from saleor_stripe_audience.catalog.models import CatalogPrice, CatalogProduct
from saleor_stripe_audience.payments.models import Payment
from saleor_stripe_audience.shops.models import Channel
from tests.api.conftest import Ask, Shop, codes_of, id_of
from tests.audience.histories import at, order, say
from tests.audience.records import record_order
from tests.audience.segments.people import add_payment_fact, cart

AUDIENCE = """id name channels knownWordings contactsByStatus { status count } tags { name contactsCount }"""
CONTACT = f"""id email status mayReceive audience {{ {AUDIENCE} }} spent {{ spent {{ amount currency }} }}
  tags {{ origin tag {{ name }} }} attributes {{ key value }} consents {{ kind wording }}
  formerAddresses {{ email }} paymentFacts {{ kind amount {{ amount }} }}
  carts {{ total {{ amount }} lines {{ sku }} }}"""
PURCHASE = """number status isPaid total { amount currency } lines { sku total { amount } }"""
# Queries with their maximum of statements: two count the request, and one finds the key.
QUERIES = {
    f"{{ contacts(first: 5) {{ totalCount edges {{ node {{ {CONTACT} }} }} }} }}": 24,
    f"""{{ contacts(first: 5) {{ totalCount exactTotalCount edges {{ node {{ email
      purchases(first: 5) {{ totalCount edges {{ node {{ {PURCHASE} }} }} }} }} }} }} }}""": 10,
    "{ contacts(first: 5) { edges { node { purchases(last: 2) { edges { node { number } } } } } } }": 7,
    "{ contacts(first: 5) { edges { node { tags { tag { contactsCount } } } } } }": 8,
    f"""{{ purchases(first: 5) {{ totalCount edges {{ node {{ {PURCHASE}
      contact {{ email audience {{ {AUDIENCE} }} tags {{ tag {{ name }} }} }} }} }} }} }}""": 18,
    "{ payments(first: 5) { totalCount edges { node { id status amount { amount } net { amount } } } } }": 5,
    "{ products(first: 5) { totalCount edges { node { name prices { channel amount { amount } } } } } }": 6,
    f"{{ audiences {{ {AUDIENCE} }} }}": 14,
    "{ audiences { id wordings { text language version since until } } }": 8,
    "query ($audience: ID!) { segments(audience: $audience) { name membersCount tag { name contactsCount } } }": 6,
    """query ($segment: ID!) { contacts(first: 5, where: {segment: {eq: $segment}, tag: {eq: "VIP"}}) {
      totalCount edges { node { email audience { name } } } } }""": 9,
    "{ apiKeys { name } stripeAccounts { name publishableKey channels { channel } } problems { key } }": 7,
}


def add_people(shop: Shop, numbers: range) -> None:
    """Create a contact for each number, with one of everything that it can have; every other one has no orders."""
    installation = shop.installation
    Channel.objects.get_or_create(
        installation=installation, slug="default-channel", defaults={"currency": "USD"}
    )
    for number in numbers:
        email = f"{number}@mine.example"
        record_order(installation, order(str(number), email=email), at(number))
        contact = Contact.objects.select_related("audience__installation").get(email=email)
        say(contact, "given", at(number))
        tag, _ = Tag.objects.get_or_create(audience=contact.audience, name="VIP")
        tag.contact_tags.create(contact=contact, origin="staff")
        Tag.objects.create(audience=contact.audience, name=str(number)).contact_tags.create(
            contact=contact, origin="staff"
        )
        contact.attributes.create(key="tier", value="gold", said_at=at(number))
        FormerAddress.objects.create(
            audience=contact.audience, contact=contact, email=f"{number}@old.example", held_at=at(number)
        )
        cart(contact, silent_since=at(number))
        add_payment_fact(contact, "declined", at=at(number))
        Contact.objects.create(audience=contact.audience, email=f"{number}@silent.example")
        create_audience(installation, AudienceSettings(f"Audience {number}"))
        Channel.objects.create(installation=installation, slug=f"channel-{number}", currency="USD")
        add_payment_and_product(shop, number)


def add_payment_and_product(shop: Shop, number: int) -> None:
    payment = Payment.objects.get(pk=shop.payment.pk)
    payment.pk, payment.transaction_id, payment.payment_intent_id = None, f"t{number}", f"pi_{number}"
    payment._state.adding = True
    payment.save()
    product = CatalogProduct.objects.get(pk=shop.product.pk)
    product.pk, product.saleor_variant_id, product.stripe_product_id = None, f"v{number}", f"prod_{number}"
    product._state.adding = True
    product.save()
    CatalogPrice.objects.create(
        product=product,
        channel_slug="default-channel",
        currency="USD",
        amount_minor=number,
        stripe_price_id=f"price_{number}",
    )


def add_segments(shop: Shop, names: list[str]) -> Segment:
    audience = shop.installation.audiences.get(is_default=True)
    rule = {"version": 1, "root": {"type": "ordersCount", "atLeast": 1}}
    for name in names:
        tag = Tag.objects.create(audience=audience, name=f"in {name}")
        made = store.create(audience, store.SegmentValues(name, rule, tag))
        membership.refresh_segment(made.pk)
    return made


def test_statements_do_not_grow_with_the_rows(ask: Ask, mine: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0)  # the first request in a minute needs more
    add_people(mine, range(10, 15))  # more than a page, so that totals are counted
    segment = add_segments(mine, ["a", "b"])
    wanted = {"audience": id_of(segment.audience), "segment": id_of(segment)}

    def counted(query: str) -> int:
        given = {name: value for name, value in wanted.items() if f"${name}:" in query}
        with CaptureQueriesContext(connection) as made:
            answer = ask(query, **given)
        assert not codes_of(answer), answer
        return len(made)

    counted("{ installation { domain } }")  # the key's last use is written once a minute
    few = {query: counted(query) for query in QUERIES}
    add_people(mine, range(15, 19))
    add_segments(mine, ["c", "d", "e"])
    many = {query: counted(query) for query in QUERIES}
    assert {query: (few[query], many[query]) for query in QUERIES if many[query] > few[query]} == {}
    assert {query: few[query] for query, most in QUERIES.items() if few[query] > most} == {}


@pytest.mark.parametrize(
    "shown",
    ["channels tags { name }", "contactsByStatus { status count }", "knownWordings", "wordings { text }"],
)
def test_what_a_page_shows_of_its_audience_is_read_once(ask: Ask, mine: Shop, shown: str) -> None:
    add_people(mine, range(10, 13))
    query = f"{{ contacts(first: 100) {{ edges {{ node {{ audience {{ {shown} }} }} }} }} }}"
    ask(query)
    with CaptureQueriesContext(connection) as made:
        assert not codes_of(ask(query))
    assert len(made) <= 10
