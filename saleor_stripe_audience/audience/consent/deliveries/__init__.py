"""Reports from email services about a shop's emails: bounces, complaints, unsubscribes and deliveries."""
