"""The wordings that a merchant wrote for an audience. Only they prove consent, and only they are emailed or shown.

Anyone can write metadata on a checkout, and the storefront's key is public. So a wording that a caller sends is
compared with these; an unknown one is stored in the ledger, but proves nothing and is never shown.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from saleor_stripe_audience.audience.consent import ledger
from saleor_stripe_audience.audience.consent.models import Consent
from saleor_stripe_audience.audience.consent.senders import sender_name
from saleor_stripe_audience.audience.people.audiences import change_audience, lock_shop, settings_of
from saleor_stripe_audience.audience.people.locales import check_language
from saleor_stripe_audience.audience.people.models import Audience, KnownWording
from saleor_stripe_audience.audience.people.wordings import store_wording
from saleor_stripe_audience.shops import problems
from saleor_stripe_audience.wording import ENGLISH

Origin = Consent.WordingOrigin
UNKNOWN_WORDING = "consent wording"  # the key of the problem that a storefront sends an unknown wording


@dataclass(frozen=True, slots=True)
class Version:
    """A wording of an audience, and when it was in use. Without an end, it still is.

    The audience's own texts have a `number`, counted for each language; those of storefronts have none.
    """

    text: str
    language: str
    number: int | None
    since: datetime
    until: datetime | None

    @property
    def is_current(self) -> bool:
        return self.until is None


@dataclass(frozen=True, slots=True)
class Proof:
    """The wording of a consent and its origin. An unknown wording proves nothing."""

    text: str
    origin: Origin

    @property
    def is_good(self) -> bool:
        """Whether the merchant wrote it."""
        return self.origin != Origin.UNKNOWN


def proof_of(audience: Audience, sent: str, at: datetime) -> Proof:
    """Return the proof of a consent given at `at`: the sent wording, or else the audience's own text at that time."""
    text = sent.strip()
    if not text:
        return Proof(own_text(audience, at), Origin.AUDIENCE)
    return Proof(text, Origin.SENT if is_known(audience, text) else Origin.UNKNOWN)


def own_text(audience: Audience, at: datetime) -> str:
    """Return the audience's own text at that time, or the next one that the merchant entered."""
    later = audience.known_wordings.filter(is_own=True, language="", until__gt=at)
    row = later.order_by("until").select_related("wording").first()
    return row.wording.text if row is not None else audience.consent_text


def is_known(audience: Audience, text: str) -> bool:
    """Whether the merchant wrote the text for this audience, now or before; whitespace is ignored."""
    if len(text) > ledger.MAX_WORDING_LENGTH:
        return False
    return _fold(text) in {_fold(each) for each in texts_of(audience)}


def texts_of(audience: Audience) -> list[str]:
    """Return the audience's wordings: its own text first, then the others in the order they were added."""
    stored = audience.known_wordings.order_by("since", "pk").values_list("wording__text", flat=True)
    return _own_first(audience.consent_text, stored)


def texts_by_audience(installation_id: UUID) -> dict[UUID, list[str]]:
    """Return `texts_of` each of the shop's audiences."""
    own = Audience.objects.filter(installation=installation_id).values_list("pk", "consent_text")
    stored: dict[UUID, list[str]] = {}
    rows = KnownWording.objects.filter(audience__installation=installation_id).order_by("since", "pk")
    for audience, text in rows.values_list("audience_id", "wording__text"):
        stored.setdefault(audience, []).append(text)
    return {audience: _own_first(text, stored.get(audience, [])) for audience, text in own}


def _own_first(own: str, others: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*([own] if own else []), *others]))


def versions_of(audience: Audience) -> list[Version]:
    """Return every wording of the audience with its time, newest first."""
    return versions_by_audience(audience.installation_id, audience.pk)[audience.pk]


def versions_by_audience(installation_id: UUID, only: UUID | None = None) -> dict[UUID, list[Version]]:
    """Return `versions_of` each of the shop's audiences, or of one of them."""
    audiences = Audience.objects.filter(installation=installation_id)
    known = KnownWording.objects.filter(audience__installation=installation_id)
    if only is not None:
        audiences, known = audiences.filter(pk=only), known.filter(audience=only)
    rows: dict[UUID, list[KnownWording]] = {}
    for row in known.select_related("wording").order_by("since", "pk"):
        rows.setdefault(row.audience_id, []).append(row)
    found = audiences.values_list("pk", "consent_text", Coalesce("consent_text_since", "created_at"))
    return {pk: _versions(text, since, rows.get(pk, [])) for pk, text, since in found}


def _versions(current: str, since: datetime, rows: list[KnownWording]) -> list[Version]:
    numbers: Counter[str] = Counter()
    versions = []
    for row in rows:
        if row.is_own:
            numbers[row.language] += 1
        number = numbers[row.language] if row.is_own else None
        versions.append(Version(row.wording.text, row.language, number, row.since, row.until))
    if current:
        versions.append(Version(current, "", numbers[""] + 1, since, None))
    return sorted(versions, key=lambda version: version.since, reverse=True)


def change_own_text(audience: Audience, text: str, language: str = "") -> None:
    """Replace the audience's own text from now on, for all readers or for those of one language.

    The app's pages and emails show it. The previous text is kept as proof. Repeating it does nothing.
    """
    ledger.check_wording(text)
    tag = check_language(language)
    with transaction.atomic():
        lock_shop(audience.installation)
        if not tag:
            present = Audience.objects.get(pk=audience.pk)
            if present.consent_text != text.strip():
                change_audience(present, replace(settings_of(present), consent_text=text))
        else:
            _replace_in_language(audience, text.strip(), tag)
        problems.clear(audience.installation, UNKNOWN_WORDING)


def _replace_in_language(audience: Audience, text: str, language: str) -> None:
    wording, now = store_wording(audience.installation_id, text), timezone.now()
    current = audience.known_wordings.filter(is_own=True, language=language, until=None)
    if current.filter(wording=wording).exists():
        return
    current.update(until=now)
    audience.known_wordings.create(wording=wording, is_own=True, language=language, since=now)


def add(audience: Audience, text: str) -> None:
    """Add a wording that the merchant's storefront shows: from then on, it proves consent. Repeating it does
    nothing.
    """
    ledger.check_wording(text)
    with transaction.atomic():
        lock_shop(audience.installation)
        wording = store_wording(audience.installation_id, text.strip())
        KnownWording.objects.get_or_create(
            audience=audience, wording=wording, is_own=False, defaults={"since": timezone.now()}
        )
        problems.clear(audience.installation, UNKNOWN_WORDING)


def text_to_confirm(consent: Consent) -> str:
    """Return the text that the person confirms, in the active language; never a text that the merchant did not
    write.

    If nobody said which text the person saw, it is the audience's text in their language, if it has one.
    """
    text = consent.wording.text if consent.wording else ""
    if consent.wording_origin == Origin.AUDIENCE:
        text = _own_text_in_language(consent.audience) or text
    return text if text and is_known(consent.audience, text) else offered_text(consent.audience)


def _own_text_in_language(audience: Audience) -> str:
    """Return the audience's text in the active language; empty if it has none."""
    wanted = (get_language() or ENGLISH).lower()
    rows = audience.known_wordings.filter(is_own=True, until=None).exclude(language="")
    texts = dict(rows.order_by("since", "pk").values_list("language", "wording__text"))
    # Without a text in fr-ca, its readers get the one in fr, or else the newest in any other French.
    primary = wanted.partition("-")[0]
    related = [text for tag, text in texts.items() if tag.partition("-")[0] == primary]
    return texts.get(wanted) or texts.get(primary) or next(reversed(related), "")


def offered_text(audience: Audience) -> str:
    """Return the text that people agree to on the app's own pages; the ledger stores it verbatim.

    It is the audience's text in the active language, or else its text for all languages, or else the app's.
    """
    return (
        _own_text_in_language(audience)
        or audience.consent_text
        or _("I agree to receive news from %(audience)s by email.") % {"audience": sender_name(audience)}
    )


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())
