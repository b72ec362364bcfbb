"""Show an audience, or change the given settings; the others stay as they are. Prints JSON."""

import argparse
import json
from collections.abc import Sequence

from saleor_stripe_audience.audience.consent import wordings
from saleor_stripe_audience.audience.consent.senders import sender_name
from saleor_stripe_audience.audience.people.audiences import AudienceSettings, change_audience, channels_of
from saleor_stripe_audience.audience.people.models import Audience
from saleor_stripe_audience.commands import audiences


def run(arguments: Sequence[str]) -> int:
    """Change the given settings, then print the audience."""
    options = _options(arguments)
    audience = audiences.audience_of(options)
    audience = change_audience(audience, _settings(audience, options))
    for text in options.add_wording:
        wordings.add(audience, text)
    print(json.dumps(_as_json(audience), indent=2, ensure_ascii=False))
    return 0


def _settings(current: Audience, options: argparse.Namespace) -> AudienceSettings:
    def chosen[Value](option: Value | None, otherwise: Value) -> Value:
        return otherwise if option is None else option

    return AudienceSettings(
        name=chosen(options.name, current.name),
        language=chosen(options.language, current.language),
        double_opt_in=chosen(options.double_opt_in, current.double_opt_in),
        consent_text=chosen(options.consent_text, current.consent_text),
        cart_silence_minutes=chosen(options.cart_silence_minutes, current.cart_silence_minutes),
        sender_name=chosen(options.sender_name, current.sender_name),
        consent_keys=tuple(chosen(options.consent_key, current.consent_keys)),
    )


def _as_json(audience: Audience) -> dict[str, object]:
    return {
        "name": audience.name,
        "is_default": audience.is_default,
        "channels": channels_of(audience),
        "language": audience.language,
        "double_opt_in": audience.double_opt_in,
        "consent_text": audience.consent_text,
        "known_wordings": wordings.texts_of(audience),
        "cart_silence_minutes": audience.cart_silence_minutes,
        "sender_name": sender_name(audience),
        "consent_keys": audience.consent_keys,
    }


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="saleor-stripe-audience audience", description=__doc__)
    audiences.add_options(parser)
    parser.add_argument("--name", help="a new name")
    parser.add_argument(
        "--sender-name", metavar="NAME", help='the sender of its mails; "" for the shop\'s name'
    )
    parser.add_argument("--language", help="a language tag, such as en or fr-ca")
    parser.add_argument(
        "--double-opt-in",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="whether a consent counts only once it is confirmed from the mailbox",
    )
    parser.add_argument("--consent-text", metavar="TEXT", help="the wording if a storefront sends none")
    parser.add_argument(
        "--add-wording",
        action="append",
        default=[],
        metavar="TEXT",
        help="another wording that a storefront shows; repeat it for more",
    )
    parser.add_argument(
        "--consent-key",
        action="append",
        metavar="KEY",
        help="another metadata key that means consent; the given ones replace the current ones",
    )
    parser.add_argument(
        "--cart-silence-minutes", type=int, metavar="N", help="when a cart counts as abandoned"
    )
    return parser.parse_args(arguments)
