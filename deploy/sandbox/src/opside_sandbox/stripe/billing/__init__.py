"""Stripe Billing: products, prices, subscriptions, invoices, test clocks, Checkout, the portal."""
