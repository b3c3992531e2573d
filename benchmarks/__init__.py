"""Measurements, written to `results/` as JSON with the machine's description; `python -m docs`
makes tables and plots of those files.

What measures:

    inference/          the kernels beside peers and the machine's limit, which is `peak`
    serving/            the service, beside LitServe
    variants, steps     the shipped generators; a step of training
    bulk, playground    images by the million; the first face in a browser

What they share:

    artifacts, plain    files of random weights; the float generator for other runtimes
    processors          what all processors did meanwhile
    markdown            tables, which the docs take too
"""
