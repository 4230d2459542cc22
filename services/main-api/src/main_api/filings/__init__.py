"""Claims on their way through Amazon's desk: packets that people file, deadlines, answers, payments.

Nothing here is ever submitted to Amazon by a machine (ruling R14).
"""
