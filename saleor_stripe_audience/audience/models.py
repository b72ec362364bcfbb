"""All models of the audience, for Django; nothing else imports this module."""

from saleor_stripe_audience.audience.consent.models import *  # noqa: F403
from saleor_stripe_audience.audience.people.models import *  # noqa: F403
from saleor_stripe_audience.audience.privacy.models import *  # noqa: F403
from saleor_stripe_audience.audience.segments.models import *  # noqa: F403
from saleor_stripe_audience.audience.shopping.models import *  # noqa: F403
from saleor_stripe_audience.audience.signup.models import *  # noqa: F403
from saleor_stripe_audience.audience.transfer.models import *  # noqa: F403
