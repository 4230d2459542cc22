"""One sync: six durable steps from reports to recoveries."""
