"""The HTTP service: `python -m service`, or `create_app(settings)` for any ASGI server."""
