"""What all plots share."""

from __future__ import annotations

INK, ACCENT, MUTED = "#1f2937", "#b45309", "#9ca3af"
