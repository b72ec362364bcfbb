"""The encryption key can be changed, and the old one removed, without losing anything."""

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from saleor_stripe_audience.__main__ import main
from saleor_stripe_audience.commands.rotate_keys import encrypted_fields
from saleor_stripe_audience.errors import Rejected
from saleor_stripe_audience.gateway.models import StripeAccount
from saleor_stripe_audience.shops.models import Installation

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = "the-old-secret-key-0123", "the-new-secret-key-0123"


@pytest.fixture
def stored(settings: Any) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = OLD, []
    for number in range(3):
        shop = Installation.objects.create(
            saleor_api_url=f"https://shop{number}.example.com/graphql/",
            app_id="QXBwOjE=",
            token=f"token-{number}",
            registered_at=timezone.now(),
        )
        StripeAccount.objects.create(
            installation=shop,
            name="Shop",
            publishable_key="pk_test_1",
            secret_key=f"sk-{number}",
            livemode=False,
            webhook_secret="",
        )


def raw() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT token FROM shops_installation ORDER BY token")
        return [row[0] for row in cursor.fetchall()]


def test_secrets_are_encrypted_again_and_the_old_key_can_go(
    stored: None, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    assert main(["rotate-keys"]) == 0
    assert "6 secrets were encrypted again" in capsys.readouterr().out
    settings.SECRET_KEY_FALLBACKS = []
    assert sorted(each.token for each in Installation.objects.all()) == ["token-0", "token-1", "token-2"]
    assert sorted(each.secret_key for each in StripeAccount.objects.all()) == ["sk-0", "sk-1", "sk-2"]


def test_twice_is_once(stored: None, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
    main(["rotate-keys"])
    before = raw()
    capsys.readouterr()
    main(["rotate-keys"])
    assert "0 secrets were encrypted again" in capsys.readouterr().out
    assert raw() == before


def test_without_the_old_key_nothing_is_touched(
    stored: None, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, []
    before = raw()
    assert main(["rotate-keys"]) == 1
    error = capsys.readouterr().err
    assert "SECRET_KEY_FALLBACKS" in error
    assert raw() == before
    row = Installation.objects.get(saleor_api_url="https://shop0.example.com/graphql/")
    with pytest.raises(Rejected):
        assert row.token


def test_every_secret_of_the_product_is_found() -> None:
    found = {(model.__name__, field) for model, field in encrypted_fields()}
    assert {
        ("Installation", "token"),
        ("StripeAccount", "secret_key"),
        ("StripeAccount", "webhook_secret"),
    } <= found
