"""A Stripe account for every connected seller, without his doing."""
