"""HTTP in and out: one file a resource, and no logic."""

from service.routes import compare, generate, health, images, metrics, models, stream, variants

ROUTERS = tuple(
    each.router for each in (generate, stream, images, compare, variants, models, health, metrics)
)
