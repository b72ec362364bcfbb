"""A shop with the key that signs its staff's tokens."""

import time
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from saleor_stripe_audience.errors import Failure
from saleor_stripe_audience.saleor import client as client_of_saleor
from saleor_stripe_audience.saleor.client import StaffChannels
from saleor_stripe_audience.sandbox.saleor.signing import SigningKey
from saleor_stripe_audience.shops.models import Channel, Installation

EVERYTHING = ("MANAGE_APPS", "MANAGE_USERS", "HANDLE_PAYMENTS")
API_URL = "https://shop.example.com/graphql/"
KEY = SigningKey.generate()


@dataclass
class Shop:
    """An installation, and the tokens that its shop signs."""

    installation: Installation
    key: SigningKey

    def claims(self, **changed: Any) -> dict[str, Any]:
        now = int(time.time())
        made = {
            "iat": now,
            "exp": now + 300,
            "owner": "saleor",
            "iss": self.installation.saleor_api_url,
            "type": "thirdparty",
            "app": self.installation.app_id,
            "email": "staff@example.com",
            "user_id": "VXNlcjox",
            "is_staff": True,
            "permissions": [],
            "user_permissions": list(EVERYTHING),
        }
        return {name: value for name, value in (made | changed).items() if value is not None}

    def token(self, **changed: Any) -> str:
        """Return a token signed by the shop; `None` omits a claim."""
        return self.key.token(self.claims(**changed))

    def headers(self, token: str | None = None, **changed: Any) -> dict[str, str]:
        given = self.token(**changed) if token is None else token
        return {"Authorization": f"Bearer {given}", "Saleor-Api-Url": self.installation.saleor_api_url}


def make_shop(api_url: str = API_URL, app_id: str = "QXBwOjE=") -> Shop:
    installation = Installation.objects.create(
        saleor_api_url=api_url,
        app_id=app_id,
        domain=api_url.split("/")[2],
        schema_version="3.23",
        token="token-of-the-app",
        jwks={"keys": [KEY.jwk()]},
        registered_at=timezone.now(),
    )
    for slug, name, currency in (("default-channel", "Default", "USD"), ("channel-pln", "Poland", "PLN")):
        Channel.objects.create(installation=installation, slug=slug, name=name, currency=currency)
    return Shop(installation, KEY)


class Groups:
    """What Saleor says about the channels of a shop's staff; a stand-in answers for itself."""

    def __init__(self) -> None:
        self.restricted_to: StaffChannels | None = None
        self.failure: Failure | None = None
        self.asked: list[str] = []
        self._genuine = client_of_saleor.fetch_staff_channels

    def restrict(self, *slugs: str) -> None:
        self.restricted_to = StaffChannels(frozenset(), frozenset(slugs))

    def answer(self, api_url: str, token: str) -> StaffChannels | None:
        if not api_url.startswith("https://"):
            return self._genuine(api_url, token)
        self.asked.append(token)
        if self.failure is not None:
            raise self.failure
        return self.restricted_to


@pytest.fixture(autouse=True)
def groups(monkeypatch: pytest.MonkeyPatch) -> Groups:
    """Saleor's permission groups: they restrict nobody unless a test says so."""
    found = Groups()
    monkeypatch.setattr(client_of_saleor, "fetch_staff_channels", found.answer)
    return found


@pytest.fixture
def shop(db: None) -> Shop:
    return make_shop()


@pytest.fixture
def client() -> Client:
    return Client(enforce_csrf_checks=True)
