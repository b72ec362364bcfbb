"""What mail services report of a shop's mails: bounces, complaints, and that mail arrives again."""
