"""GET /metrics: for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from service.context import context

router = APIRouter()


@router.get(
    "/metrics",
    response_class=Response,
    response_description="The metrics, as text.",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Every metric; OpenMetrics when the Accept header asks for it."""
    body, media_type = context(request).metrics.exposition(request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": media_type})
