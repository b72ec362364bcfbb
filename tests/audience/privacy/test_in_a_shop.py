"""The whole life of an account in a shop that really signs and sends its events: consent, new address, deletion."""

from collections.abc import Iterator
from typing import Any

import pytest

from saleor_stripe_audience.audience.consent import wordings
from saleor_stripe_audience.audience.people.audiences import audiences_of
from saleor_stripe_audience.audience.people.models import Contact
from saleor_stripe_audience.audience.privacy import erasure
from saleor_stripe_audience.audience.privacy.models import Erasure
from saleor_stripe_audience.inbox.models import Event, Handling
from saleor_stripe_audience.sandbox.saleor import SaleorSandbox
from saleor_stripe_audience.shops.models import Installation
from tests.conftest import Work

pytestmark = pytest.mark.django_db(transaction=True)

ADA, NEW = "ada@example.com", "ada.new@example.com"
CONSENT = [
    {"key": "marketing_consent", "value": "true"},
    {"key": "consent_at", "value": "2024-11-23T14:00:00Z"},
    {"key": "consent_text", "value": "News, please."},
]
REGISTER = "mutation($i: AccountRegisterInput!) { accountRegister(input: $i) { errors { code field } } }"
CONFIRM = "mutation($e: String!, $t: String!) { confirmAccount(email: $e, token: $t) { errors { code } } }"
MOVE = "mutation($t: String!) { confirmEmailChange(token: $t) { errors { code } } }"
DESCRIBE = (
    "mutation($id: ID!, $m: [MetadataInput!]!) { updateMetadata(id: $id, input: $m) { errors { code } } }"
)
LEAVE = "mutation($t: String!) { accountDelete(token: $t) { errors { code } } }"
REMOVE = "mutation($id: ID!) { customerDelete(id: $id) { errors { code } } }"


@pytest.fixture
def shop(settings: Any, live_server: Any) -> Iterator[SaleorSandbox]:
    settings.PUBLIC_URL = live_server.url
    with SaleorSandbox() as sandbox:
        settings.ALLOWED_SALEOR_URLS = (sandbox.api_url,)
        sandbox.install(f"{live_server.url}/api/manifest?variant=audience-only")
        yield sandbox


def do(
    shop: SaleorSandbox, run_due_tasks: Work, query: str, token: str | None = None, **variables: Any
) -> None:
    """Send the request to the shop, and let the app handle the events."""
    [answer] = shop.gql(query, variables, token).values()
    assert not answer["errors"], answer
    shop.drain()
    run_due_tasks()


def test_an_account_from_sign_up_to_deletion(shop: SaleorSandbox, run_due_tasks: Work) -> None:
    given = {
        "email": ADA,
        "password": "password",
        "redirectUrl": "https://shop.example.com",
        "metadata": CONSENT,
    }
    do(shop, run_due_tasks, REGISTER, i=given | {"channel": "default-channel"})
    assert not Contact.objects.exists()  # anybody can register with any address

    wordings.add(audiences_of(Installation.objects.get())[0], "News, please.")
    user = next(each for each in shop.host.store.users if each.email == ADA)
    do(shop, run_due_tasks, CONFIRM, e=ADA, t=f"confirm-{user.key}")
    assert Contact.objects.get().status == "subscribed"

    do(shop, run_due_tasks, MOVE, shop.user_token(user), t=f"email-{user.key}-{NEW}")
    contact = Contact.objects.get()
    assert (contact.email, contact.status) == (NEW, "subscribed")

    do(shop, run_due_tasks, LEAVE, shop.user_token(user), t=f"delete-{user.key}")
    installation = Installation.objects.get()
    assert not Contact.objects.exists()
    assert Erasure.objects.filter(reason="account_deleted").count() == 1
    assert erasure.is_erased(installation, ADA)
    assert erasure.is_erased(installation, NEW)
    assert not Handling.objects.exclude(given_up_at=None).exists()


def test_a_customer_deleted_by_staff_is_erased_too(shop: SaleorSandbox, run_due_tasks: Work) -> None:
    given = {"email": ADA, "password": "password", "redirectUrl": "https://shop.example.com"}
    do(shop, run_due_tasks, REGISTER, i=given | {"channel": "default-channel"})
    user = next(each for each in shop.host.store.users if each.email == ADA)
    do(shop, run_due_tasks, CONFIRM, e=ADA, t=f"confirm-{user.key}")
    do(shop, run_due_tasks, REMOVE, shop.staff_token(), id=user.id)
    assert not Contact.objects.exists()
    assert Erasure.objects.get().reason == "customer_deleted"


def test_staff_who_open_the_dashboard_become_no_contacts(shop: SaleorSandbox, run_due_tasks: Work) -> None:
    """The Dashboard stores what its staff have seen in their accounts' metadata, which sends a customer event."""
    staff = next(each for each in shop.host.store.users if each.is_staff)
    seen = [{"key": "onboarding", "value": '{"stepsCompleted": []}'}]
    do(shop, run_due_tasks, DESCRIBE, shop.staff_token(), id=staff.id, m=seen)
    assert Event.objects.filter(kind="customer_updated").exists()
    assert not Contact.objects.exists()
