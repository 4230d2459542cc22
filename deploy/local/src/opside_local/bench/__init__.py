"""`make bench`: what the machinery costs, each figure beside the floor measured in the same run.

A bench is a module here with `UNIT`, and `async measure() -> Figures`; its name is the figure's. One that
takes long has `measure_in_whole` too: a smaller size, for when all benches run.
"""
