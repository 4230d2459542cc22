"""The whole system on one machine: engines, sandboxes, services, workers; the demo; the benches."""
