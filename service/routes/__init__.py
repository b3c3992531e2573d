"""HTTP in and out: one file a resource, and no logic."""

from service.routes import (
    arena,
    compare,
    documents,
    generate,
    health,
    images,
    metrics,
    models,
    playground,
    stream,
    variants,
)

RESOURCES = (
    playground,
    generate,
    stream,
    images,
    compare,
    arena,
    variants,
    models,
    health,
    metrics,
    documents,
)
ROUTERS = tuple(resource.router for resource in RESOURCES)
