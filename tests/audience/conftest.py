from datetime import UTC, datetime
from uuid import uuid4

import pytest

from saleor_stripe_audience.shops.models import Installation


def install(domain: str = "shop.example") -> Installation:
    return Installation.objects.create(
        id=uuid4(),
        saleor_api_url=f"https://{domain}-{uuid4().hex[:8]}/graphql/",
        app_id="QXBwOjE=",
        domain=domain,
        token="token",
        registered_at=datetime.now(UTC),
    )


@pytest.fixture
def shop(db: None) -> Installation:
    return install()
