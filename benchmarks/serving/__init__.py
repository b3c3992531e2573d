"""The service measured over HTTP, as a process of its own, beside LitServe with the same generator:

    python -m benchmarks.serving [--short] [PART …]

Client and server share this machine's cores, so every row says what each of them took of the
processors, and what others took that had no part in it.
"""
