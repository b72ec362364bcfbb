"""A shop that refuses the app itself, whatever it asks: one problem, until it serves the app again.

What was to be done meanwhile waits in the inbox. It continues when the app is installed again, or when the hourly look
finds that its token works.
"""

import structlog
from django.db import DatabaseError

from saleor_stripe_audience.inbox import engine as inbox
from saleor_stripe_audience.saleor import client
from saleor_stripe_audience.shops import problems
from saleor_stripe_audience.shops.models import Installation, Problem
from saleor_stripe_audience.wording import Sentence, for_staff

log = structlog.get_logger(__name__)

TOKEN, PERMISSIONS = "token", "permissions"  # keys of problems
TOKEN_REFUSED = Sentence(
    "Saleor refuses the app's token: the app was removed or switched off. Switch it on, or install it again, in "
    "Saleor's Dashboard. Its data is kept, and everything that waits then continues by itself.",
    "Saleor refuse le jeton de l'application : elle a été supprimée ou désactivée. Activez-la ou installez-la de "
    "nouveau dans le Dashboard de Saleor. Ses données sont conservées ; tout ce qui attend reprendra alors tout seul.",
)
PERMISSION_DENIED = Sentence(
    "The app lacks a permission in Saleor. Grant it in Saleor's Dashboard under Extensions, or remove the app and "
    "install it again; its data is kept.",
    "Il manque une autorisation à l'application dans Saleor. Accordez-la dans le Dashboard de Saleor, sous Extensions, "
    "ou supprimez l'application et installez-la de nouveau ; ses données sont conservées.",
)
OF_THE_INSTALLATION = {
    client.KNOWN_NO_MORE: (TOKEN, TOKEN_REFUSED),
    client.LACKS_PERMISSION: (PERMISSIONS, PERMISSION_DENIED),
}


def is_over(installation: Installation) -> bool:
    """Whether the shop has another token for the app by now than the one that was refused."""
    now = Installation.objects.filter(pk=installation.pk).first()
    return now is not None and now.token != installation.token


def note(installation: Installation, code: str) -> None:
    """One problem, at the first call that shows it."""
    key, sentence = OF_THE_INSTALLATION[code]
    try:
        if not Problem.objects.filter(installation=installation, key=key).exists():
            problems.report(installation, key, for_staff(sentence))
    except DatabaseError:
        # What Saleor said is what the caller must hear of; it is noted at the next call.
        log.exception("trouble not noted", installation=str(installation.pk), code=code)


def end(installation: Installation) -> None:
    """The shop serves the app: what waited for it continues. Repeating it changes nothing."""
    problems.clear(installation, TOKEN)
    if resumed := inbox.resume(installation.pk):
        log.info("what waited for the shop continues", installation=str(installation.pk), events=resumed)
