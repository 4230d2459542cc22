"""Queues, stored events and keys: how much of them there is, and what may go."""
