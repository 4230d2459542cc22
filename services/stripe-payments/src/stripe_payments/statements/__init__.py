"""What an auditor reads: trails and proofs."""
