"""docs/playground.md: how soon the first face is on the screen."""

from __future__ import annotations

from docs import logged


def first_face() -> str:
    """In one paragraph, from `results/playground.json`."""
    result = logged.read("playground.json")
    empty, filled = (result["first_face"][cache] for cache in ("empty", "filled"))
    return (
        f"The first face is on the screen {empty['median_ms']:.0f} ms after the page is opened "
        f"(median of {empty['visits']} visits with an empty cache, at most {empty['max_ms']:.0f} "
        f"ms), {filled['median_ms']:.0f} ms where the browser has been before (at most "
        f"{filled['max_ms']:.0f} ms). Service and {result['browser']} on one machine: "
        f"{result['machine']['cpu']}, {result['machine']['cpus']} cores, "
        f"{result['machine']['measured_at'][:10]}."
    )
