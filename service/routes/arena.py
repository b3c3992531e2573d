"""POST /arena/pairs → POST /arena/votes → GET /arena/results: which variant do people prefer?"""

from __future__ import annotations

import asyncio
import base64
import secrets
from dataclasses import asdict
from time import time

from fastapi import APIRouter, Request

from service.admission import admit, charge
from service.arena import draw_pair, standings
from service.context import context
from service.direct import DirectRoute
from service.errors import Conflict, Forbidden, Unknown
from service.images import FORMATS, Pixels
from service.openapi import MAY_NEED_KEY, described, problems
from service.parsing import parse_body, parse_query, refuse_body
from service.schemas.arena import ArenaResults, Interval, Pair, PairResult, Rating, Revealed
from service.schemas.requests import NoQuery, VoteBody
from service.state import Vote
from service.subject import consecutive

router = APIRouter(prefix="/arena", tags=["arena"], route_class=DirectRoute)

TOKEN_TTL_S = 900


@router.post(
    "/pairs",
    openapi_extra=MAY_NEED_KEY,
    responses=problems(401, 403, 404, 422, 429, 503, 504),
)
async def pair(request: Request) -> Pair:
    """A seed's image by two variants, in random order; nothing in the answer tells which."""
    service = admit(request, "vote")
    parse_query(request, NoQuery)
    await refuse_body(request)
    active = service.gallery.active
    if len(active) < 2:
        raise Unknown("A pair needs two variants; only one is served here.")
    sides = [active[variant] for variant in draw_pair(list(active))]
    await charge(request, len(sides), *sides)
    seeds = consecutive(None, 1)
    pictures = [
        (await service.pipeline.make(request, served, seeds, _encode)).value for served in sides
    ]
    left, right = (served.model for served in sides)
    token = service.sealer.seal(
        {
            "id": secrets.token_hex(16),
            "expires_at": time() + TOKEN_TTL_S,
            "left": (left.variant, left.label),
            "right": (right.variant, right.label),
            "seed": seeds[0],
        }
    )
    return Pair(token=token, expires_in_s=TOKEN_TTL_S, left=pictures[0], right=pictures[1])


@router.post(
    "/votes",
    openapi_extra=MAY_NEED_KEY | described(body=VoteBody),
    responses=problems(400, 401, 403, 409, 413, 415, 422, 503, 504),
)
async def vote(request: Request) -> Revealed:
    """Casts a vote, once a token, and tells what the pair was."""
    service = admit(request, "vote")
    parse_query(request, NoQuery)
    body = await parse_body(request, VoteBody)
    pair = service.sealer.unseal(body.token, TOKEN_TTL_S)
    if pair is None:
        raise Forbidden(f"The token is not one of /arena/pairs, or older than {TOKEN_TTL_S} s.")
    (left, left_model), (right, right_model) = pair["left"], pair["right"]
    cast = Vote(
        token_id=pair["id"],
        expires_at=pair["expires_at"],
        left=left,
        right=right,
        left_model=left_model,
        right_model=right_model,
        seed=pair["seed"],
        choice=body.choice,
    )
    if not await service.state.cast(cast):
        raise Conflict("This token was voted with before; every vote needs a new pair.")
    service.metrics.arena_votes.labels(left, right, body.choice).inc()
    return Revealed(left=left, right=right, seed=pair["seed"], choice=body.choice)


@router.get("/results", responses=problems(503))
async def results(request: Request) -> ArenaResults:
    """Win rates of every pair, and ratings of all that were decided on, with 95 % intervals."""
    tallies = await context(request).state.tallies()
    told = await asyncio.to_thread(standings, tallies)
    return ArenaResults(
        votes=told.votes,
        pairs=[
            PairResult(**asdict(each), win_rate_a=Interval(**asdict(each.win_rate_a)))
            for each in told.pairings
        ],
        ratings=[
            Rating(variant=variant, rating=Interval(**asdict(rating)))
            for variant, rating in told.ratings.items()
        ],
    )


def _encode(pictures: Pixels) -> str:
    return base64.b64encode(FORMATS["png"].encode(pictures, None)).decode()
