"""Where every unit is, as the ledger books it, and where that does not come out even."""
