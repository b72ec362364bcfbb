"""The speed of a large audience: an invented shop with a million contacts, and typical queries."""
