"""Suppliers' invoices: read with a confidence and a place for each field, and booked as unit costs."""
