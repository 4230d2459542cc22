"""Plans that sellers subscribe to, and their invoices, as Stripe tells them."""
