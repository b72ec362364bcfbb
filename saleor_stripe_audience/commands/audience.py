"""Show an audience, or change the given settings; the others do not change. Prints JSON. `--delete` deletes it."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace

from saleor_stripe_audience.audience.consent import wordings
from saleor_stripe_audience.audience.consent.senders import sender_name
from saleor_stripe_audience.audience.people.audiences import (
    change_audience,
    channels_of,
    delete_audience,
    settings_of,
)
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.audience.signup.metadata import clear_missing_wording
from saleor_stripe_audience.commands import audiences

# The options that are settings under the same name.
SETTINGS = ("name", "language", "double_opt_in", "consent_text", "cart_silence_minutes", "sender_name")


def run(arguments: Sequence[str]) -> int:
    """Change the given settings, then print the audience."""
    options = _options(arguments)
    audience = audiences.audience_of(options)
    if options.delete:
        delete_audience(audience)
        print(json.dumps({"deleted": audience.name}, ensure_ascii=False))
        return 0
    present = settings_of(audience)
    given = {name: getattr(options, name) for name in SETTINGS if getattr(options, name) is not None}
    keys = present.consent_keys if options.consent_key is None else tuple(options.consent_key)
    audience = change_audience(audience, replace(present, consent_keys=keys, **given))
    for text in options.add_wording:
        wordings.add(audience, text)
    for language, text in options.text_in:
        wordings.change_own_text(audience, text, language)
    clear_missing_wording(audience)
    audience.refresh_from_db()
    print(json.dumps(_as_json(audience), indent=2, ensure_ascii=False))
    return 0


def _as_json(audience: Audience) -> dict[str, object]:
    return {
        "name": audience.name,
        "is_default": audience.is_default,
        "channels": channels_of(audience),
        "language": audience.language,
        "double_opt_in": audience.double_opt_in,
        "consent_text": audience.consent_text,
        "known_wordings": wordings.texts_of(audience),
        "text_in": {
            each.language: each.text
            for each in wordings.versions_of(audience)
            if each.language and each.is_current
        },
        "cart_silence_minutes": audience.cart_silence_minutes,
        "sender_name": sender_name(audience),
        "consent_keys": audience.consent_keys,
    }


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience audience", description=__doc__)
    audiences.add_options(parser)
    parser.add_argument("--name", help="a new name")
    parser.add_argument(
        "--sender-name", metavar="NAME", help='the sender of its emails; "" for the shop\'s name'
    )
    parser.add_argument("--language", help="a language tag, such as en or fr-ca")
    parser.add_argument(
        "--double-opt-in",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="whether consent takes effect only once it is confirmed by email",
    )
    parser.add_argument(
        "--consent-text", metavar="TEXT", help="the wording to record if a storefront does not send one"
    )
    parser.add_argument(
        "--add-wording",
        action="append",
        default=[],
        metavar="TEXT",
        help="an additional wording that a storefront shows; repeatable",
    )
    parser.add_argument(
        "--text-in",
        action="append",
        nargs=2,
        default=[],
        metavar=("LANGUAGE", "TEXT"),
        help="the wording on the app's own pages and in its emails in this language; repeatable",
    )
    parser.add_argument(
        "--consent-key",
        action="append",
        metavar="KEY",
        help="an additional metadata key that means consent; repeatable; replaces the current keys",
    )
    parser.add_argument(
        "--cart-silence-minutes", type=int, metavar="N", help="when a cart counts as abandoned"
    )
    parser.add_argument(
        "--delete",
        action="store_true",
        help="delete the audience, which must not have contacts or channels or be the default one",
    )
    return parser.parse_args(arguments)
