"""Inference measured against peers and against the machine, all in one run (`make bench`).

A contestant is one network by one runtime on so many threads, in a process of its own; contestants
take turns, so that a busy moment hits all alike and no runtime's threads or caches disturb another.
"""
