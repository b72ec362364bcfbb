"""Reports from mail services about a shop's mails: bounces, complaints, unsubscribes and deliveries."""
