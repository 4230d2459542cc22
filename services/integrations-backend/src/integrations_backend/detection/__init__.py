"""Pure rules that tell which losses Amazon owes for."""
