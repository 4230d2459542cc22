"""Documents that prove a claim: kept as received, read, corrected by people, matched to cases."""
