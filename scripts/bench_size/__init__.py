"""The cost of events and pages in a small shop and in one with millions of rows."""
