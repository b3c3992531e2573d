"""HTTP in and out: one file a resource, and no logic."""

from service.routes import generate, health, metrics, variants

ROUTERS = (generate.router, variants.router, health.router, metrics.router)
