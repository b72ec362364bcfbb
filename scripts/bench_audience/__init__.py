"""How fast a large audience is: an invented shop with a million contacts, and typical queries."""
