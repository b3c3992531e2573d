"""python -m deploy.dashboard: writes the Grafana dashboard from `panels`. A test diffs the file."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as options
from grafana_foundation_sdk.models import dashboard as models

from deploy.panels import ROWS
from deploy.queries import WAITING, Panel, Threshold

PATH = Path(__file__).parent / "grafana" / "dashboards" / "side-by-side.json"
UID = "pbgen-side-by-side"
DATA_SOURCE = models.DataSourceRef(type_val="prometheus", uid="pbgen-prometheus")
COLOURS = {"float": "blue", "full": "orange", "partial": "green"}

AnyPanel = timeseries.Panel | stat.Panel | bargauge.Panel


def dashboard() -> str:
    """The dashboard as Grafana's JSON, ready to be provisioned."""
    built = (
        board.Dashboard("PBGen: side by side")
        .uid(UID)
        .description("Float, fully and partially binarized face generators: speed, size, faces.")
        .tags(["pbgen"])
        .time("now-30m", "now")
        .refresh("10s")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .with_variable(
            board.QueryVariable("variant")
            .label("Variant")
            .datasource(DATA_SOURCE)
            .query("label_values(pbgen_model_info, variant)")
            .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .multi(True)
            .include_all(True)
            .all_value(".+")
            .current(models.VariableOption(selected=True, text="All", value="$__all"))
        )
    )
    numbers = count(1)
    for row in ROWS:
        built.with_row(board.Row(row.title).id(next(numbers)))
        for panel in row.panels:
            made = _panel(panel).id(next(numbers))
            built.with_panel(made.span(panel.width).height(row.height))
    return JSONEncoder(sort_keys=True, indent=2).encode(built.build()) + "\n"


def _panel(panel: Panel) -> AnyPanel:
    made = {"timeseries": _timeseries, "stat": _stat, "bargauge": _bargauge}[panel.kind](panel)
    made.title(panel.title).description(panel.description).unit(panel.unit).datasource(DATA_SOURCE)
    if panel.thresholds:
        made.thresholds(_steps(panel.thresholds))
    for name, query in zip("ABCDEF", panel.queries, strict=False):
        made.with_target(
            prometheus.Dataquery()
            .ref_id(name)
            .datasource(DATA_SOURCE)
            .expr(query.expr)
            .legend_format(query.legend)
        )
    return made


def _timeseries(panel: Panel) -> AnyPanel:
    made = (
        timeseries.Panel()
        .min(0)
        .line_width(2)
        .fill_opacity(30 if panel.stacked else 8)
        .show_points(options.VisibilityMode.NEVER)
        .legend(
            common.VizLegendOptions()
            .show_legend(True)
            .display_mode(options.LegendDisplayMode.LIST)
            .placement(options.LegendPlacement.BOTTOM)
        )
        .tooltip(common.VizTooltipOptions().mode(options.TooltipDisplayMode.MULTI))
    )
    if panel.stacked:
        made.stacking(common.StackingConfig().mode(options.StackingMode.NORMAL))
    if panel.thresholds:
        lines = options.GraphTresholdsStyleMode.DASHED  # so spelled there
        made.thresholds_style(common.GraphThresholdsStyleConfig().mode(lines))
        made.axis_soft_max(max(each.start or 0 for each in panel.thresholds))  # they are in sight
    for variant, colour in COLOURS.items():  # alone, or after what is told of it
        made.override_by_regexp(
            f"/\\b{variant}$/", [_property("color", {"mode": "fixed", "fixedColor": colour})]
        )
    for words in WAITING:
        if any(query.legend.startswith(words) for query in panel.queries):
            dashes = {"fill": "dash", "dash": [8, 6]}
            made.override_by_regexp(f"/^{words}/", [_property("custom.lineStyle", dashes)])
    made.override_by_regexp(
        "/^cores/", [_property("unit", "suffix: cores"), _property("custom.axisPlacement", "right")]
    )
    return made


def _stat(panel: Panel) -> AnyPanel:
    return (
        stat.Panel()
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(options.BigValueGraphMode.NONE)
        .color_mode(options.BigValueColorMode.VALUE)
        .decimals(0 if panel.unit == "short" else 2)
    )


def _bargauge(panel: Panel) -> AnyPanel:
    return (
        bargauge.Panel()
        .min(0)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .orientation(options.VizOrientation.HORIZONTAL)
        .display_mode(options.BarGaugeDisplayMode.BASIC)
        .color_scheme(board.FieldColor().mode(models.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    )


def _steps(thresholds: tuple[Threshold, ...]) -> board.ThresholdsConfig:
    steps = [models.Threshold(value=each.start, color=each.colour) for each in thresholds]
    return board.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _property(name: str, value: object) -> models.DynamicConfigValue:
    return models.DynamicConfigValue(id_val=name, value=value)


if __name__ == "__main__":
    PATH.parent.mkdir(parents=True, exist_ok=True)
    PATH.write_text(dashboard())
