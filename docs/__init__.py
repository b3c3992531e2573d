"""The documentation, and what writes into it from what is logged and from the code.

`python -m docs` writes every block between two comments, and every picture that it can draw; its
`__main__` lists them all.

    blocks/, draw/       the text of the blocks; the pictures
    page                 places for blocks in pages
    logged, units        what is in benchmarks/results/; numbers with their units
    screenshot           the picture of the playground, which needs a browser
    pictures/            what is drawn, by hand or by these
    decisions/           pages: why something is as it is
"""
