"""Signals that a shop's Stripe accounts changed: what kept customers from paying may be over.

Whatever makes the change sends the signal, so that the page, the command line and Stripe's own pages have the same
effect at once.
"""

from django.dispatch import Signal

# Sent with `installation_id=`, after an account was connected, disconnected or unblocked, after a channel got another
# account or none, or was paused or resumed, and after the shop accepted the terms.
accounts_changed = Signal()
# Sent with `account=`, after Stripe confirmed our endpoint for its events.
endpoint_prepared = Signal()
