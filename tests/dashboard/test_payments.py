"""The list of payments: search, filters, pages and export; and a payment."""

import csv
import html
import io
import re
import uuid
from codecs import BOM_UTF8
from datetime import timedelta
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.shopping.models import PaymentFact, Purchase
from saleor_stripe_audience.dashboard.amounts import as_typed, format_amount, read_amounts, with_point
from saleor_stripe_audience.dashboard.payment import timeline
from saleor_stripe_audience.dashboard.payments import STATES, state_of
from saleor_stripe_audience.money import Money
from saleor_stripe_audience.payments import staff_messages
from saleor_stripe_audience.payments.actions import MORE_THAN_HELD
from saleor_stripe_audience.payments.models import ActionRequest, Notice, Payment, StaffRequest
from saleor_stripe_audience.wording import in_language, in_languages, with_values
from tests.dashboard.conftest import Shop, make_shop
from tests.dashboard.rows import NOON, a_contact, a_payment, an_account
from tests.plans import explained

Json = dict[str, Any]


def ask(client: Client, shop: Shop, path: str = "payments", **query: str) -> str:
    """Return the page as a staff member sees it; `path` may already have a query."""
    answer = client.get(f"/dashboard/{path}", query or None, headers=shop.headers())
    assert answer.status_code == 200
    return answer.content.decode()


def found(text: str) -> list[str]:
    """Return the numbers of the listed PaymentIntents."""
    return re.findall(r"/payments/pi_(\w+)\"", text)


def an_order(
    shop: Shop, contact: Contact | None, number: str = "1042", checkout: str = "Q2hlY2tvdXQ6MQ=="
) -> Purchase:
    return Purchase.objects.create(
        contact=contact,
        installation=shop.installation,
        saleor_order_id=f"order-{number}",
        number=number,
        status="UNFULFILLED",
        charge_status="FULL",
        currency="USD",
        total_minor=123_450,
        charged_minor=123_450,
        refunded_minor=0,
        saleor_checkout_id=checkout,
        placed_at=NOON,
        issued_at=NOON,
    )


# ---- amounts ----


def test_amounts_follow_the_currency_and_the_language() -> None:
    assert format_amount(123_450, "USD") == "1,234.50 USD"
    assert format_amount(2500, "JPY") == "2,500 JPY"
    with translation.override("fr"):
        assert format_amount(123_450, "EUR").replace("\u202f", " ").replace("\xa0", " ") == "1 234,50 EUR"


@pytest.mark.parametrize(
    ("typed", "meanings", "currency"),
    [
        ("12", ["12"], ""),
        ("12.50", ["12.50"], ""),
        ("12,5 eur", ["12.5"], "EUR"),
        ("USD 1,234.50", ["1234.50"], "USD"),
        ("1 234,50", ["1234.50"], ""),
        ("1\u202f234,50 EUR", ["1234.50"], "EUR"),
        ("1'234", ["1234"], ""),
        ("1,234", ["1.234", "1234"], ""),
        ("EUR 5 USD", [], ""),
        ("ada", [], ""),
        ("", [], ""),
        ("-5", [], ""),
    ],
)
def test_a_typed_amount_is_read_in_any_notation(typed: str, meanings: list[str], currency: str) -> None:
    amounts, read_currency = read_amounts(typed)
    assert ([str(each) for each in amounts], read_currency) == (meanings, currency)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("18.00", "USD"), ("1234.50", "USD"), ("2500", "JPY"), ("0.5", "JPY"), ("1.250", "KWD"), ("12.345", "EUR"),
    ],
)  # fmt: skip
def test_a_form_has_its_amount_as_staff_type_it(language: str, amount: str, currency: str) -> None:
    with translation.override(language):
        typed = as_typed(Decimal(amount), currency)
        assert with_point(typed) == amount, "it is read as it was"
    is_french = language == "fr" and len(amount.partition(".")[2]) in (1, 2)
    assert typed == (amount.replace(".", ",") if is_french else amount)


@pytest.mark.parametrize(
    ("sent", "currency", "typed"),
    [("240.0", "USD", "240.00"), ("80.0", "JPY", "80"), ("2E+2", "USD", "200.00"), ("1.5", "KWD", "1.500")],
)
def test_a_form_has_the_currencys_decimals(sent: str, currency: str, typed: str) -> None:
    assert as_typed(Decimal(sent), currency) == typed


@pytest.mark.parametrize(("minor", "english", "french"), [(-5, "-0.05", "-0,05"), (100, "1.00", "1,00")])
def test_an_amount_has_its_sign_and_all_decimals(minor: int, english: str, french: str) -> None:
    assert format_amount(minor, "USD") == f"{english} USD"
    with translation.override("fr"):
        assert format_amount(minor, "USD") == f"{french} USD"
        assert format_amount(1_234_567_890, "KWD").replace("\xa0", " ") == "1 234 567,890 KWD"


def test_a_refund_is_offered_in_the_language_of_the_page(shop: Shop, client: Client) -> None:
    payment = a_payment(shop.installation)
    headers = shop.headers() | {"Accept-Language": "fr"}
    page = client.get(f"/dashboard/payments/{payment.pk}", headers=headers).content.decode()
    assert 'name="amount" inputmode="decimal" value="1234,50"' in page


# ---- search and filters ----


def test_a_payment_is_found_by_what_staff_know_of_it(shop: Shop, client: Client) -> None:
    contact = a_contact(shop.installation)
    an_order(shop, contact)
    account = an_account(shop.installation)
    a_payment(shop.installation, account=account, payment_intent_id="pi_wanted", order_number="1042")
    a_payment(
        shop.installation,
        account=account,
        payment_intent_id="pi_other",
        amount_minor=99,
        source_id="Q2hlY2tvdXQ6Mg==",
    )
    for text in (
        "1042",
        "#1042",
        "ada@example.com",
        "ADA@example.com ",
        "1,234.50",
        "1234.5 usd",
        "pi_wanted",
    ):
        assert found(ask(client, shop, q=text)) == ["wanted"], text
    for text in ("104", "eve@example.com", "1234.50 PLN", "0.98", "pi_", "%", "9" * 40, "\x00"):
        assert found(ask(client, shop, q=text)) == ([] if text != "\x00" else ["other", "wanted"]), text


def test_an_unfinished_checkout_is_found_by_its_customers_former_address(shop: Shop, client: Client) -> None:
    contact = a_contact(shop.installation)
    contact.former_addresses.create(audience=contact.audience, email="old@example.com", held_at=NOON)
    contact.carts.create(
        installation=shop.installation,
        saleor_checkout_id="Q2hlY2tvdXQ6OQ==",
        currency="USD",
        total_minor=1,
        started_at=NOON,
        last_active_at=NOON,
        issued_at=NOON,
    )
    a_payment(shop.installation, payment_intent_id="pi_wanted", source_id="Q2hlY2tvdXQ6OQ==")
    assert found(ask(client, shop, q="old@example.com")) == ["wanted"]


def test_staff_who_may_not_see_contacts_neither_read_nor_search_addresses(shop: Shop, client: Client) -> None:
    an_order(shop, a_contact(shop.installation))
    payment = a_payment(shop.installation, payment_intent_id="pi_1")
    headers = shop.headers(user_permissions=["HANDLE_PAYMENTS"])
    assert found(client.get("/dashboard/payments?q=ada@example.com", headers=headers).content.decode()) == []
    for path in ("payments", f"payments/{payment.pk}", "payments.csv"):
        answer = client.get(f"/dashboard/{path}", headers=headers)
        assert answer.status_code == 200
        assert "ada@example.com" not in b"".join(answer).decode()
        assert (
            "ada@example.com" in b"".join(client.get(f"/dashboard/{path}", headers=shop.headers())).decode()
        )


def test_each_payment_is_found_under_the_status_that_it_shows(shop: Shop) -> None:
    """Whatever Stripe and the app have stored: the filter and the badge must implement the same rule."""
    account = an_account(shop.installation)
    statuses = (
        *("succeeded", "requires_capture", "processing", "requires_action"),
        *("requires_confirmation", "requires_payment_method", "canceled"),
    )
    whole = a_payment(shop.installation, account=account).amount_minor
    for status, captured, refunded, code in product(
        statuses, (0, 100, whole), (0, 50, 100), ("", "card_declined")
    ):
        a_payment(
            shop.installation,
            account=account,
            status=status,
            captured_minor=captured,
            refunded_minor=refunded,
            decline_code=code,
        )
    for payment in Payment.objects.select_related("account"):
        under = [each.name for each in STATES if Payment.objects.filter(each.rows, pk=payment.pk).exists()]
        assert under == [state_of(payment).name]


def test_a_payment_captured_in_part_says_how_much(shop: Shop, client: Client) -> None:
    a_payment(shop.installation, amount_minor=4000, captured_minor=1000, currency="USD")
    text = client.get("/dashboard/payments", headers=shop.headers()).content.decode()
    assert 'Partially captured</span> <span class="quiet">10.00 USD</span>' in text


def test_the_start_of_a_payment_is_its_first_entry(shop: Shop) -> None:
    """Stripe's times are in whole seconds, so a decline may seem older than the start of its payment."""
    payment = a_payment(shop.installation)
    PaymentFact.objects.create(
        installation=shop.installation,
        kind=PaymentFact.Kind.DECLINED,
        code="insufficient_funds",
        currency="USD",
        amount_minor=1,
        at=payment.created_at - timedelta(seconds=1),
        source_id=payment.source_id,
        reference=payment.payment_intent_id,
        key="declined:1",
    )
    assert [str(each.title) for each in timeline(payment)] == ["Declined", "Payment started"]


def test_payments_are_filtered_by_status_channel_and_account(shop: Shop, client: Client) -> None:
    first, second = an_account(shop.installation, "First"), an_account(shop.installation, "Second")
    a_payment(shop.installation, account=first, payment_intent_id="pi_a")
    a_payment(
        shop.installation,
        account=second,
        payment_intent_id="pi_b",
        channel_slug="channel-pln",
        status="requires_payment_method",
        decline_code="stolen_card",
    )
    assert found(ask(client, shop, status="declined")) == ["b"]
    assert found(ask(client, shop, channel="channel-pln")) == ["b"]
    assert found(ask(client, shop, account=str(first.pk))) == ["a"]
    assert found(ask(client, shop, account=str(second.pk), status="paid")) == []
    text = ask(client, shop, q="1234.50", status="declined", channel="channel-pln")
    assert found(text) == ["b"]
    for chosen in (
        'value="1234.50"',
        '<option value="declined" selected>',
        '<option value="channel-pln" selected>',
    ):
        assert chosen in text
    for query in (
        {"status": "nothing"},
        {"account": "no-uuid"},
        {"account": str(uuid.uuid4())},
        {"channel": "x"},
    ):
        assert "No payments found" in ask(client, shop, **query)


# ---- pages ----


def test_pages_lead_both_ways_and_new_payments_shift_nothing(shop: Shop, client: Client) -> None:
    account = an_account(shop.installation)
    for number in range(45):
        payment = a_payment(shop.installation, account=account, payment_intent_id=f"pi_{number:02}")
        # Several have the same time, so the key decides their order.
        Payment.objects.filter(pk=payment.pk).update(created_at=NOON + timedelta(seconds=number // 3))
    everything = [
        each.payment_intent_id.removeprefix("pi_") for each in Payment.objects.order_by("-created_at", "-pk")
    ]
    pages = [ask(client, shop, status="paid")]
    a_payment(shop.installation, account=account, payment_intent_id="pi_new")
    while link := neighbor(pages[-1], "next"):
        assert "status=paid" in link
        pages.append(ask(client, shop, link))
    assert [len(found(page)) for page in pages] == [20, 20, 5]
    assert [each for page in pages for each in found(page)] == everything
    back = ask(client, shop, neighbor(pages[2], "previous"))
    assert found(back) == everything[20:40]
    first = ask(client, shop, neighbor(back, "previous"))
    assert found(first) == everything[:20]
    assert found(ask(client, shop, neighbor(first, "previous"))) == ["new"]


def neighbor(text: str, which: str) -> str:
    link = re.search(rf'id="{which}" hx-get="/dashboard/([^"]+)"', text)
    return link[1].replace("&amp;", "&") if link else ""


@pytest.mark.parametrize("place", ["x", "e30=", "WzEsMl0=", "WyIyMDI2LTExLTIzIiwgIjEiXQ==", "\u2603"])
def test_a_place_that_cannot_be_read_is_the_start(shop: Shop, client: Client, place: str) -> None:
    a_payment(shop.installation, payment_intent_id="pi_1")
    assert found(ask(client, shop, after=place)) == found(ask(client, shop, before=place)) == ["1"]


def test_a_page_costs_the_same_however_many_rows_it_has(shop: Shop, client: Client) -> None:
    contact, account = a_contact(shop.installation), an_account(shop.installation)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            ask(client, shop)
        return len(queries)

    def add(number: int) -> None:
        an_order(shop, contact, str(number), f"checkout-{number}")
        a_payment(shop.installation, account=account, source_id=f"checkout-{number}")

    add(0)
    one = cost()
    for number in range(1, 20):
        add(number)
    assert cost() == one


@pytest.mark.parametrize("q", ["1042", "ada@example.com", "pi_1"])
def test_a_search_reads_no_whole_table(shop: Shop, client: Client, q: str) -> None:
    an_order(shop, a_contact(shop.installation))
    a_payment(shop.installation)
    with explained() as plans:
        ask(client, shop, q=q)
    tables = {"payments_payment", "audience_contact", "audience_purchase", "audience_cart"}
    assert [f"{plan.sql}\n{plan.lines}" for plan in plans if plan.scanned() & tables] == []


# ---- the file ----


def test_the_file_has_what_was_searched_for_and_no_formulas(shop: Shop, client: Client) -> None:
    account = an_account(shop.installation, "=cmd()")
    for number in range(25):
        a_payment(
            shop.installation, account=account, payment_intent_id=f"pi_{number:02}", order_number=str(number)
        )
    a_payment(shop.installation, account=account, status="canceled")
    Payment.objects.filter(order_number="3").update(
        gross_minor=100_000, fee_minor=3_000, net_minor=97_000, settled_currency="EUR", refunded_minor=50
    )
    answer = client.get("/dashboard/payments.csv?q=1,234.50&status=paid", headers=shop.headers())
    assert answer["Content-Disposition"] == 'attachment; filename="payments.csv"'
    assert "no-store" in answer["Cache-Control"]
    content = b"".join(answer)
    assert content.startswith(BOM_UTF8)
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert len(rows) == 24
    assert {row["account"] for row in rows} == {"'=cmd()"}
    assert {row["amount"] for row in rows} == {"1234.50"}
    [refunded] = csv.DictReader(
        io.StringIO(b"".join(client.get("/dashboard/payments.csv?q=%233", headers=shop.headers())).decode())
    )
    assert (refunded["status"], refunded["refunded"]) == ("Partially refunded", "0.50")
    assert (refunded["gross"], refunded["fee"], refunded["net"]) == ("1000.00", "30.00", "970.00")


def test_the_file_needs_the_permission(shop: Shop, client: Client) -> None:
    for path in ("payments.csv", f"payments/{uuid.uuid4()}"):
        headers = shop.headers(user_permissions=["MANAGE_APPS", "MANAGE_USERS"])
        assert client.get(f"/dashboard/{path}", headers=headers).status_code == 403


# ---- one payment ----


def test_one_payment_with_everything_that_is_known_of_it(shop: Shop, client: Client) -> None:
    an_order(shop, a_contact(shop.installation))
    payment = a_payment(
        shop.installation, gross_minor=110_000, fee_minor=3_300, net_minor=106_700, settled_currency="EUR"
    )
    text = ask(client, shop, f"payments/{payment.pk}")
    for expected in (
        "1,234.50 USD",
        "1,100.00 EUR",
        "33.00 EUR",
        "1,067.00 EUR",
        "#1042",
        "ada@example.com",
        "Paid",
    ):
        assert expected in text
    assert 'data-route="/orders/order-1042"' in text
    assert f'href="https://dashboard.stripe.com/test/payments/{payment.payment_intent_id}"' in text


@pytest.mark.parametrize(
    ("settled", "refunded", "labels", "after"),
    [
        ("USD", 0, ["Net"], ""),
        ("USD", 450, ["Net before refunds", "Net after refunds"], "1,193.90 USD"),
        ("USD", 123_450, ["Net before refunds", "Net after refunds"], "-36.10 USD"),
        ("EUR", 450, ["Net before refunds"], ""),
    ],
)
def test_net_says_whether_refunds_are_in_it(
    shop: Shop, client: Client, settled: str, refunded: int, labels: list[str], after: str
) -> None:
    """Stripe books a refund later, and separately; in another currency, at a rate of its own."""
    payment = a_payment(
        shop.installation,
        gross_minor=123_450,
        fee_minor=3_610,
        net_minor=119_840,
        settled_currency=settled,
        refunded_minor=refunded,
    )
    text = ask(client, shop, f"payments/{payment.pk}")
    assert re.findall(r"<dt>(Net[^<]*)</dt>", text) == labels
    assert after in text.replace("\N{MINUS SIGN}", "-")
    assert ("books refunds and disputes separately" in text) == bool(refunded)


def test_a_declined_payment_says_why_in_the_merchants_words(shop: Shop, client: Client) -> None:
    payment = a_payment(shop.installation, status="requires_payment_method", decline_code="stolen_card")
    assert "The card is reported as stolen." in ask(client, shop, f"payments/{payment.pk}")
    french = client.get(
        f"/dashboard/payments/{payment.pk}", headers=shop.headers() | {"Accept-Language": "fr"}
    ).content.decode()
    assert "Refusé" in french
    assert "reported" not in french


def test_the_timeline_tells_the_newest_first(shop: Shop) -> None:
    payment = a_payment(shop.installation)
    Payment.objects.filter(pk=payment.pk).update(created_at=NOON)
    payment.refresh_from_db()
    PaymentFact.objects.create(
        installation=shop.installation,
        kind=PaymentFact.Kind.DECLINED,
        code="insufficient_funds",
        currency="USD",
        amount_minor=1,
        at=NOON + timedelta(minutes=1),
        source_id=payment.source_id,
        reference=payment.payment_intent_id,
        key="declined:1",
    )
    for minute, answer in enumerate(
        (
            {"result": "REFUND_SUCCESS", "amount": "5.00"},
            {"result": "REFUND_FAILURE", "message": "Not enough."},
            {"pspReference": "re_1"},
            None,
        ),
        start=2,
    ):
        request = ActionRequest.objects.create(
            installation=shop.installation,
            transaction_id=payment.transaction_id,
            kind="REFUND",
            key=str(minute),
            body=str(minute),
            answer=answer,
            answered_at=NOON + timedelta(minutes=minute) if answer else None,
        )
        ActionRequest.objects.filter(pk=request.pk).update(created_at=NOON + timedelta(minutes=minute))
    notice = Notice.objects.create(
        installation=shop.installation,
        reference="dp_1",
        payment_intent_id=payment.payment_intent_id,
        state="needs_response",
        message="A dispute of 5.00 USD.",
    )
    Notice.objects.filter(pk=notice.pk).update(created_at=NOON + timedelta(minutes=9))
    entries = timeline(payment)
    assert [each.title for each in entries] == [
        "Stripe reports",
        *["Refund"] * 2,
        "Refund failed",
        "Refund",
        "Declined",
        "Payment started",
    ]
    assert [each.text for each in entries[:5]] == [
        "A dispute of 5.00 USD.",
        "Requested; the result is not yet known.",
        "In progress: Stripe will report when it is done.",
        "Not enough.",
        "5.00 USD",
    ]


def test_what_was_stored_for_staff_is_in_the_readers_language(shop: Shop, client: Client) -> None:
    payment = a_payment(shop.installation)
    too_much = with_values(MORE_THAN_HELD, held=Money(1230, "USD"), money=Money(1231, "USD"))
    ActionRequest.objects.create(
        installation=shop.installation,
        transaction_id=payment.transaction_id,
        kind="CHARGE",
        key="1",
        body="1",
        answer={"result": "CHARGE_FAILURE", "message": in_language(too_much, "en")},
        reasons=in_languages(too_much),
        answered_at=NOON,
    )
    won = with_values(staff_messages.DISPUTE_STATES["won"], money=Money(500, "USD"))
    Notice.objects.create(
        installation=shop.installation,
        reference="dp_1",
        payment_intent_id=payment.payment_intent_id,
        state="won",
        message=in_language(won, "en"),
        messages=in_languages(won),
    )
    for language, failed in (("en", "Capture failed"), ("fr", "Encaissement échoué")):
        headers = shop.headers() | {"Accept-Language": language}
        answer = client.get(f"/dashboard/payments/{payment.pk}", headers=headers)
        text = html.unescape(answer.content.decode())
        assert failed in text
        for message in (too_much, won):
            assert in_language(message, language) in text


def test_another_shops_payment_is_not_found(shop: Shop, client: Client) -> None:
    other = make_shop("https://other.example.com/graphql/", "QXBwOjk=")
    foreign = a_payment(other.installation, payment_intent_id="pi_foreign", order_number="77")
    answer = client.get(f"/dashboard/payments/{foreign.pk}", headers=shop.headers())
    assert answer.status_code == 404
    assert "pi_foreign" not in answer.content.decode()
    for query in ({"q": "pi_foreign"}, {"q": "77"}, {"q": "1234.50"}, {"account": str(foreign.account_id)}):
        assert found(ask(client, shop, **query)) == []
    assert b"pi_foreign" not in b"".join(client.get("/dashboard/payments.csv", headers=shop.headers()))


def test_one_payments_address_opens_it(shop: Shop, client: Client) -> None:
    path = f"/dashboard/payments/{uuid.uuid4()}"
    assert f'data-start="{path}"' in client.get(path, {"saleorApiUrl": "x"}).content.decode()


class TestWatching:
    """The page of a payment asks for the result of a request until there is one."""

    @pytest.fixture
    def payment(self, shop: Shop) -> Payment:
        found = a_payment(shop.installation)
        StaffRequest.objects.create(
            payment=found, key=uuid.uuid4(), kind="REFUND", amount_minor=500, requested_by="ada@example.com"
        )
        return found

    def carry_out(self, payment: Payment, answer: Json | None, **changes: Any) -> None:
        ActionRequest.objects.create(
            installation=payment.installation,
            transaction_id=payment.transaction_id,
            kind="REFUND",
            key="k",
            body="b",
            answer=answer,
            **changes,
        )

    def ask(self, client: Client, shop: Shop, payment: Payment, form: str = "refund") -> tuple[int, str]:
        answer = client.get(f"/dashboard/payments/{payment.pk}/request/{form}", headers=shop.headers())
        return answer.status_code, answer.content.decode()

    def test_nothing_changes_until_there_is_a_result(
        self, client: Client, shop: Shop, payment: Payment
    ) -> None:
        assert self.ask(client, shop, payment) == (204, "")
        self.carry_out(payment, None)
        assert self.ask(client, shop, payment) == (204, "")

    @pytest.mark.parametrize(
        ("answer", "note"),
        [
            ({"result": "REFUND_SUCCESS", "amount": 5}, "note good.*Refunded: 5.00 USD"),
            ({"result": "REFUND_FAILURE", "message": "Too late"}, "note bad.*Too late"),
            ({"pspReference": "re_1"}, "note good.*In progress"),
        ],
    )
    def test_the_result_is_shown(
        self, client: Client, shop: Shop, payment: Payment, answer: Json, note: str
    ) -> None:
        self.carry_out(payment, answer, answered_at=timezone.now())
        status, text = self.ask(client, shop, payment)
        assert status == 200
        assert re.search(note, text)

    def test_an_unclear_result_is_said(self, client: Client, shop: Shop, payment: Payment) -> None:
        self.carry_out(payment, None, unclear_at=timezone.now())
        status, text = self.ask(client, shop, payment)
        assert (status, "note good" in text) == (200, False)
        assert re.search("note bad.*the result is not yet known", text)

    def test_one_that_never_arrived_is_only_over(self, client: Client, shop: Shop, payment: Payment) -> None:
        StaffRequest.objects.update(created_at=timezone.now() - timedelta(minutes=16))
        status, text = self.ask(client, shop, payment)
        assert (status, 'class="note' in text) == (200, False)

    def test_only_the_shops_own_and_only_its_forms(
        self, client: Client, shop: Shop, payment: Payment
    ) -> None:
        assert self.ask(client, shop, payment, "release")[0] == 404
        assert (
            self.ask(
                client,
                shop,
                a_payment(make_shop("https://other.example.com/graphql/", "QXBwOjk=").installation),
            )[0]
            == 404
        )


# ---- disputes ----


def a_dispute(payment: Payment, *states: str, reference: str = "dp_1") -> None:
    """Store what Stripe reported about a dispute, oldest first."""
    for state in states:
        Notice.objects.create(
            installation=payment.installation,
            reference=f"{reference}{payment.payment_intent_id}",
            payment_intent_id=payment.payment_intent_id,
            state=f"{state}:",
            message="A dispute.",
            is_last=state in ("won", "lost", "warning_closed", "prevented"),
        )


@pytest.mark.parametrize(
    ("states", "title", "status"),
    [
        (("needs_response",), "Disputed", "disputed"),
        (("needs_response", "under_review"), "Disputed", "disputed"),
        (("warning_needs_response", "warning_under_review"), "Inquiry", "inquiry"),
        (("warning_needs_response", "needs_response"), "Disputed", "disputed"),
        (("needs_response", "lost"), "Dispute lost", "dispute-lost"),
        (("lost", "needs_response"), "Dispute lost", "dispute-lost"),
        (("needs_response", "won"), "", ""),
        (("warning_needs_response", "warning_closed"), "", ""),
        (("prevented",), "", ""),
    ],
)
def test_a_disputed_payment_says_so_and_is_found(
    shop: Shop, client: Client, states: tuple[str, ...], title: str, status: str
) -> None:
    """Whatever was refunded before: a refund of a part is no reason to take the rest for earned."""
    account = an_account(shop.installation)
    payment = a_payment(
        shop.installation, account=account, payment_intent_id="pi_a", refunded_minor=100, order_id="order"
    )
    a_payment(shop.installation, account=account, payment_intent_id="pi_b")
    a_dispute(payment, *states)
    kinds = {"disputed": "Disputed", "inquiry": "Inquiry", "dispute-lost": "Dispute lost"}
    for name in kinds:
        assert found(ask(client, shop, status=name)) == (["a"] if name == status else [])
    for path in ("payments", f"payments/{payment.pk}", "widgets/order?orderId=order"):
        text = ask(client, shop, path)
        assert "Partially refunded" in text
        badges = re.findall(r'<span class="badge \w+">(Disputed|Inquiry|Dispute lost)</span>', text)
        assert badges == ([title] if title else []), path
    answer = client.get("/dashboard/payments.csv", headers=shop.headers())
    rows = csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig")))
    assert {row["payment_intent"]: row["dispute"] for row in rows} == {"pi_a": title, "pi_b": ""}


def test_of_two_disputes_the_open_one_is_shown_and_of_another_shop_none(shop: Shop, client: Client) -> None:
    payment = a_payment(shop.installation, payment_intent_id="pi_a")
    a_dispute(payment, "needs_response", "lost")
    a_dispute(payment, "needs_response", reference="du_2")
    other = make_shop("https://other.example.com/graphql/", "QXBwOjk=")
    a_payment(other.installation, payment_intent_id="pi_a")
    assert found(ask(client, shop, status="disputed")) == ["a"]
    assert found(ask(client, shop, status="dispute-lost")) == []
    assert found(ask(client, other, status="disputed")) == []
    assert "Disputed</span>" not in ask(client, other)
