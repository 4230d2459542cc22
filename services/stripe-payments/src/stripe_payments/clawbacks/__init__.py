"""Fees given back when Amazon takes a reimbursement back."""
