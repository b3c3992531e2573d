"""What the dashboard asks Prometheus, as plain records: panels of queries.

`dashboard` draws them in Grafana, `preview` in matplotlib, and a test evaluates every one.
"""

from __future__ import annotations

from deploy.objective import BUDGET, OF_BURN_RATES, OF_SHARES, PAGE_BURN, TICKET_BURN
from deploy.queries import (
    BY_VARIANT,
    CHOSEN,
    WINDOW,
    Panel,
    Query,
    Row,
    mean,
    quantile,
    rate,
    ratio,
)


def _latency(share: float, name: str) -> Panel:
    return Panel(
        f"Latency {name}",
        "timeseries",
        "s",
        8,
        (Query(quantile(share), BY_VARIANT),),
        f"POST /generate, first byte to last: {share:.0%} of the answered took at most this.",
    )


SIDE_BY_SIDE = Row(
    "Side by side",
    5,
    (
        Panel(
            "Memory: float ÷ partial",
            "stat",
            "suffix:×",
            5,
            (Query(ratio('sum(pbgen_model_resident_bytes{variant="VARIANT"})'), "memory"),),
            "How many times more the prepared float generator holds.",
        ),
        Panel(
            "Time an image: float ÷ partial",
            "stat",
            "suffix:×",
            5,
            (
                Query(
                    ratio(
                        'sum(variant:pbgen_generate_seconds_per_image:mean5m{variant="VARIANT"})'
                    ),
                    "time in the kernels",
                ),
            ),
            "In the kernels, an image, over five minutes; batches as they came.",
        ),
        Panel(
            "SWD: float ÷ partial",
            "stat",
            "suffix:×",
            4,
            (Query(ratio('avg(pbgen_model_swd{variant="VARIANT",level="mean"})'), "SWD"),),
            "Sliced Wasserstein distance to real faces. Above 1 the partial generator is nearer.",
        ),
        Panel(
            "Served",
            "stat",
            "short",
            6,
            (Query(f"count by (variant, model, isa) (pbgen_model_info{{{CHOSEN}}})", "{{model}}"),),
            "Replicas that serve each model.",
        ),
        Panel(
            "Within 250 ms",
            "stat",
            "percentunit",
            4,
            (Query("1 - pbgen:slow_faces:ratio1h", "of the last hour's faces"),),
            f"The objective is {100 * (1 - BUDGET):g} % of the faces that POST /generate answered.",
            thresholds=OF_SHARES,
        ),
    ),
)

LATENCY = Row("Latency", 8, (_latency(0.5, "p50"), _latency(0.95, "p95"), _latency(0.99, "p99")))

WORK = Row(
    "Where the time goes",
    8,
    (
        Panel(
            "Queue, generate, encode",
            "timeseries",
            "s",
            8,
            (
                Query(mean("pbgen_queue_duration_seconds", CHOSEN, "variant"), "queue {{variant}}"),
                Query(
                    mean("pbgen_generate_duration_seconds", CHOSEN, "variant"),
                    "generate {{variant}}",
                ),
                Query(mean("pbgen_encode_duration_seconds", "", "format"), "encode {{format}}"),
            ),
            "Mean wait of a request, mean time of a batch in the kernels, mean encoding.",
        ),
        Panel(
            "Images",
            "timeseries",
            "suffix: images/s",
            8,
            (Query(rate("pbgen_images_total", "variant", CHOSEN), BY_VARIANT),),
            "Images made, by all routes.",
            stacked=True,
        ),
        Panel(
            "Requests",
            "timeseries",
            "reqps",
            8,
            (Query(rate("pbgen_http_requests_total", "route", 'route!="/metrics"'), "{{route}}"),),
            "Answered requests of every code.",
            stacked=True,
        ),
    ),
)

LOAD = Row(
    "Batches and memory",
    8,
    (
        Panel(
            "Batch size",
            "timeseries",
            "suffix: images",
            6,
            (Query(mean("pbgen_batch_size", CHOSEN, "variant"), BY_VARIANT),),
            "Mean; it grows by itself when requests wait.",
        ),
        Panel(
            "Waiting and in progress",
            "timeseries",
            "short",
            6,
            (
                Query(
                    f"sum by (variant) (pbgen_queue_depth{{{CHOSEN}}})",
                    "images waiting {{variant}}",
                ),
                Query(
                    f"sum by (variant) (pbgen_requests_in_progress{{{CHOSEN}}})",
                    "requests {{variant}}",
                ),
            ),
            "What the service is busy with.",
        ),
        Panel(
            "Resident memory of a generator",
            "bargauge",
            "bytes",
            6,
            (
                Query(
                    f"avg by (variant, precision) (pbgen_model_resident_bytes{{{CHOSEN}}}) > 0",
                    "{{variant}} {{precision}}",
                ),
            ),
            "What each prepared generator really holds, by the precision of its layers.",
        ),
        Panel(
            "SWD",
            "bargauge",
            "none",
            6,
            (
                Query(
                    f"avg by (variant, level) (pbgen_model_swd{{{CHOSEN}}})",
                    "{{variant}} {{level}}",
                ),
            ),
            "Sliced Wasserstein distance to real faces × 10³, by level; lower is better.",
        ),
    ),
)

TROUBLE = Row(
    "Trouble",
    8,
    (
        Panel(
            "Errors",
            "timeseries",
            "reqps",
            6,
            (Query(rate("pbgen_http_requests_total", "code", 'code=~"[45].."'), "{{code}}"),),
            "Answers from 400 on; 499 is a client that left.",
            stacked=True,
        ),
        Panel(
            "Rejections",
            "timeseries",
            "reqps",
            6,
            (Query(rate("pbgen_requests_rejected_total", "reason"), "{{reason}}"),),
            "Refused or given up: overload, deadline, rate limit, draining, client left.",
            stacked=True,
        ),
        Panel(
            "Burn rate of the latency budget",
            "timeseries",
            "suffix:×",
            6,
            (
                Query(f"pbgen:slow_faces:ratio5m / {BUDGET}", "5 minutes"),
                Query(f"pbgen:slow_faces:ratio1h / {BUDGET}", "1 hour"),
            ),
            "1 spends a month's budget in a month. "
            f"Alerts: {PAGE_BURN:g} for an hour, {TICKET_BURN:g} for six.",
            thresholds=OF_BURN_RATES,
        ),
        Panel(
            "Redis breaker and cache",
            "timeseries",
            "percentunit",
            6,
            (
                Query("max(pbgen_state_breaker_open)", "breaker open"),
                Query(
                    f'sum(rate(pbgen_cache_requests_total{{outcome="hit"}}[{WINDOW}]))'
                    f" / sum(rate(pbgen_cache_requests_total[{WINDOW}]))",
                    "cache hits",
                ),
            ),
            "1 while any replica leaves Redis alone; hits of GET /images.",
        ),
    ),
)

_WON = " or ".join(
    f'label_replace(sum by ({side}) (pbgen_arena_votes_total{{choice="{side}"}}), '
    f'"variant", "$1", "{side}", "(.*)")'
    for side in ("left", "right")
)

PEOPLE = Row(
    "People and process",
    8,
    (
        Panel(
            "Votes won",
            "bargauge",
            "short",
            6,
            (Query(f"sum by (variant) ({_WON})", BY_VARIANT),),
            "Blind pairs in which people preferred this variant, since the replicas started. "
            "GET /arena/results has the ratings and their intervals.",
        ),
        Panel(
            "Votes",
            "timeseries",
            "suffix: votes/min",
            6,
            (Query(f"60 * {rate('pbgen_arena_votes_total', 'choice')}", "{{choice}}"),),
            "By what was chosen.",
            stacked=True,
        ),
        Panel(
            "Experiment split",
            "bargauge",
            "percentunit",
            6,
            (Query("avg by (variant) (pbgen_experiment_weight)", BY_VARIANT),),
            "Share of clients whose variant=auto means this variant.",
        ),
        Panel(
            "Memory and processor of the service",
            "timeseries",
            "bytes",
            6,
            (
                Query('process_resident_memory_bytes{job="pbgen"}', "memory {{instance}}"),
                Query(
                    f'rate(process_cpu_seconds_total{{job="pbgen"}}[{WINDOW}])',
                    "cores {{instance}}",
                ),
            ),
            "Resident memory; cores on the right axis.",
        ),
    ),
)

ROWS = (SIDE_BY_SIDE, LATENCY, WORK, LOAD, TROUBLE, PEOPLE)
