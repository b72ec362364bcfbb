"""How fast the audience is when it is large: a made-up shop with a million contacts, and what is asked of it."""
