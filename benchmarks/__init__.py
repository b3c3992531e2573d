"""Measurements, written to `results/` as JSON with the machine's description; tables in the docs
are made from those files.

What measures:

    inference/                    the kernels beside peers and the machine's limit, which is `peak`
    serving/                      the service, beside LitServe
    variants, steps               the shipped generators; a step of training
    bulk, playground              images by the million; the first face in a browser

What writes into the docs:

    report                        docs/results.md and docs/models.md, of the parts below
    measured, experiments, plots  figures beside the paper's, the training runs, their curves
    accounting, card              what is counted as memory; the model card
    readme                        the README's table
    pictures, concepts            faces; the figures of docs/concepts.md
    blocks, markdown              places for tables in pages, and tables

What is measured:

    artifacts, plain              files of random weights; the float generator for other runtimes
"""
