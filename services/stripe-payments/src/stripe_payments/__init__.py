"""Everything that moves money: commissions, Connect accounts, transfers, webhooks, ledger."""
