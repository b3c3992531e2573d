"""The text of generated blocks: a module a page, named like it, but for

measured, accounting, suites, experiments   results.md: figures beside the paper's, what is counted
                                            as memory, the training runs, and what is read from them
reference                                   settings, metrics, operations, http and cli.md
"""
