import { Component, onWillStart, toRaw, useEffect, useRef } from "@odoo/owl";
import { loadBundle } from "@web/core/assets";
import { cookie } from "@web/core/browser/cookie";
import { getColor, getCustomColor } from "@web/core/colors/colors";
import { localization } from "@web/core/l10n/localization";
import { _t } from "@web/core/l10n/translation";

const custom = (bright, dark) =>
    getCustomColor(cookie.get("color_scheme"), bright, dark);

/** What charts are drawn with besides `chartColor`; the same as in Odoo's graphs. */
export const CHART_COLORS = {
    text: custom("#111827", "#E4E4E4"),
    muted: custom("#6b7280", "#9ca3af"),
    grid: custom("rgba(0,0,0,.1)", "rgba(255,255,255,.15)"),
    surface: custom("#ffffff", "#262a36"),
    bad: custom("#d44c59", "#ff7c88"),
    warn: custom("#c77700", "#fbb56a"),
    good: custom("#00826f", "#35b5a0"),
};

/**
 * Give a colour of Odoo's palette.
 *
 * @param {number} index
 * @param {number} [count] how many the chart has: more need finer shades
 * @returns {string}
 */
export function chartColor(index, count = 6) {
    return getColor(index, cookie.get("color_scheme"), count);
}

const isObject = (value) => Object.getPrototypeOf(value ?? 0) === Object.prototype;

/** Lay `over` on `under`, objects within them too. */
function merge(under, over) {
    const merged = { ...under };
    for (const [key, value] of Object.entries(over || {})) {
        merged[key] =
            isObject(merged[key]) && isObject(value)
                ? merge(merged[key], value)
                : value;
    }
    return merged;
}

/** What every chart has unless its own options say otherwise. */
function getDefaultOptions(type, options) {
    const rtl = localization.direction === "rtl";
    const { text, grid } = CHART_COLORS;
    const scale = {
        grid: { color: grid },
        border: { color: grid },
        ticks: { color: text },
        title: { color: text },
    };
    const defaults = {
        // charts that refresh themselves must not dance
        animation: false,
        maintainAspectRatio: false,
        color: text,
        elements: { point: { hitRadius: 8 }, line: { borderWidth: 2 } },
        plugins: {
            legend: { rtl, labels: { color: text, usePointStyle: true, boxHeight: 7 } },
            title: { color: text },
            tooltip: { rtl, textDirection: rtl ? "rtl" : "ltr" },
        },
    };
    if (["pie", "doughnut", "polarArea", "radar"].includes(type)) {
        return defaults;
    }
    defaults.scales = {};
    const isLying = options?.indexAxis === "y";
    for (const name of new Set(["x", "y", ...Object.keys(options?.scales || {})])) {
        // time, and the length of lying bars, go from right to left
        const side = (name[0] === "x" && { reverse: rtl }) || {
            position: rtl ? "right" : "left",
        };
        defaults.scales[name] = merge(scale, side);
        if (name === (isLying ? "x" : "y")) {
            defaults.scales[name].beginAtZero = true;
        }
    }
    return defaults;
}

/**
 * A chart of Chart.js, as Odoo ships it: drawn anew when `config` is another object,
 * gone with the component. The canvas says nothing to a screen reader, so the same
 * figures stand in a table beside it, which shows itself to whoever goes there with
 * the Tab key; its rows can be pressed like the points.
 *
 * `config`  {type, data, options, plugins} as Chart.js takes it; the options need name
 *           only what differs. Make it once for given figures: not in a getter that
 *           the template calls.
 * `label`   what the chart shows, in words
 * `height`  in CSS; 16rem
 * `onClick` called with {index, datasetIndex, label, value, raw} of the point under the
 *           pointer, as `options.interaction` says which one that is
 * `hasTable` false: the figures stand beside the chart in words anyway
 */
export class Chart extends Component {
    static template = "crm_relations.Chart";
    static props = {
        config: Object,
        label: String,
        height: { type: String, optional: true },
        onClick: { type: Function, optional: true },
        hasTable: { type: Boolean, optional: true },
    };
    static defaultProps = { height: "16rem", hasTable: true };

    setup() {
        this.canvas = useRef("canvas");
        this.chart = null;
        onWillStart(() => loadBundle("web.chartjs_lib"));
        useEffect(
            () => {
                this.chart = new window.Chart(this.canvas.el, this.getConfig());
                return () => this.chart.destroy();
            },
            () => [toRaw(this.props.config)],
        );
    }

    getConfig() {
        const { type, data, options, plugins } = toRaw(this.props.config);
        const merged = merge(getDefaultOptions(type, options), options);
        if (this.props.onClick) {
            merged.onClick = (_ev, [point]) => {
                if (point) {
                    this.clickPoint(point.datasetIndex, point.index);
                }
            };
            merged.onHover = (_ev, points) => {
                this.canvas.el.style.cursor = points.length ? "pointer" : "";
            };
        }
        // copies: Chart.js writes into what it is given
        const datasets = data.datasets.map((dataset) => ({
            backgroundColor: dataset.borderColor,
            ...dataset,
        }));
        return { type, plugins, options: merged, data: { ...data, datasets } };
    }

    clickPoint(datasetIndex, index) {
        const { labels, datasets } = toRaw(this.props.config).data;
        const raw = datasets[datasetIndex].data[index];
        this.props.onClick({
            datasetIndex,
            index,
            label: labels?.[index] ?? raw?.x,
            value: isObject(raw) ? raw.y : raw,
            raw,
        });
    }

    // ------------------------------------------------------------
    // TABLE
    // ------------------------------------------------------------

    /** Datasets without a label are decoration. */
    get columns() {
        return this.props.config.data.datasets
            .map(({ label, data }, index) => ({ label, data, index }))
            .filter(({ label }) => label);
    }

    get rows() {
        const { labels, datasets } = this.props.config.data;
        return labels || (datasets[0]?.data || []).map((point) => point?.x ?? "");
    }

    getCell(column, index) {
        const raw = column.data[index];
        const value = isObject(raw) ? raw.y : raw;
        if (typeof value !== "number" || Number.isNaN(value)) {
            return value ?? _t("none");
        }
        return value.toLocaleString(undefined, { maximumFractionDigits: 3 });
    }
}
