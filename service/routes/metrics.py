"""GET /metrics: for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from service.context import context

router = APIRouter(tags=["operation"])

MEDIA_TYPES = ("text/plain", "application/openmetrics-text")


@router.get(
    "/metrics",
    response_class=Response,
    response_description="The metrics, as text.",
    responses={200: {"content": {each: {"schema": {"type": "string"}} for each in MEDIA_TYPES}}},
)
async def metrics(request: Request) -> Response:
    """Every metric; OpenMetrics when the Accept header asks for it."""
    body, media_type = context(request).metrics.exposition(request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": media_type})
