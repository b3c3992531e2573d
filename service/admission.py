"""Who may ask, how much, and of which model: what every route asks first."""

from __future__ import annotations

from fastapi import Request

from service.context import Context, context
from service.deadline import deadline
from service.errors import RateLimited, Unknown
from service.exchange import Exchange, exchange
from service.gallery import Served
from service.keys import Scope

AUTO = "auto"
LOADING = 64  # images that the work of loading a model counts as


def admit(request: Request, scope: Scope) -> Context:
    """The app's parts, for a request whose key opens the scope. Raises Unauthorized and Forbidden.

    A call, not a dependency: FastAPI's resolution of one costs more than this check.
    """
    service = context(request)
    identify(service, exchange(request), scope)
    return service


def identify(service: Context, asked: Exchange, scope: Scope) -> None:
    """Names the client by its key, if it has one. Raises Unauthorized and Forbidden."""
    name = service.keys.authorize(asked.header("authorization"), scope)
    if name is not None:
        asked.client = f"key:{name}"


async def charge(request: Request, images: int, *by: Served) -> None:
    """Charges the client for images by these models, if the service takes work for them now.

    Raises Unavailable, which costs the client nothing, and RateLimited while it owes more than it
    may.
    """
    service = context(request)
    client = exchange(request).client
    service.pipeline.refuse_while_draining()
    for served in by:
        if (refused := service.pipeline.refusal(served, client)) is not None:
            raise refused
    wait_s = await service.state.charge(client, images)
    if wait_s:
        service.metrics.rejected.labels("rate_limit").inc()
        raise RateLimited(
            f"Your images so far are more than your allowance; go on in {wait_s:.1f} s.",
            retry_after_s=wait_s,
        )


async def choose(request: Request, variant: str) -> Served:
    """The one model that a request is for, whose variant its metrics and log then tell.

    Raises as `find`.
    """
    served = await find(request, variant)
    exchange(request).variant = served.model.variant
    return served


async def find(request: Request, variant: str) -> Served:
    """A model that a request names; `auto` is its client's in the experiment.

    A version that has to be looked for in the store is charged to who asks first, there or not.
    Raises Unknown, which lists what there is, RateLimited, BrokenModel, and DeadlineExceeded.
    """
    service = context(request)
    if variant == AUTO:
        drawn = service.experiment.variant(exchange(request).client)
        if drawn is None:
            raise Unknown("There is no experiment here, so auto means nothing; name a variant.")
        variant = drawn

    async def pay() -> None:
        # No more than the burst: the request's own images are still to be charged.
        await charge(request, min(LOADING, service.settings.rate_burst))

    served = service.gallery.named(variant)
    if served is None:
        async with deadline(request):
            served = await service.gallery.find(variant, pay)
    return served
