"""What events and pages cost in a small shop and in one with millions of rows."""
