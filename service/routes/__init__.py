"""HTTP in and out: one file a resource, and no logic."""

from service.routes import generate, health, images, metrics, models, variants

ROUTERS = tuple(each.router for each in (generate, images, variants, models, health, metrics))
