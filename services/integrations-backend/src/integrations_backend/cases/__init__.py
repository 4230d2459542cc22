"""Claims as cases: filed by a person, answered by Amazon, recovered."""
