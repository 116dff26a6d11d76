import { _t } from "@web/core/l10n/translation";
import { CHART_COLORS, chartColor } from "../chart/chart";

const LINE = 42; // characters of a line of a tooltip, which does not wrap by itself
const { bad, good, grid, muted, surface, text } = CHART_COLORS;
const blue = chartColor(0);

/** What a point looks like: shape and colour say the same, for who sees no colours. */
function getPointStyle(point) {
    if (!point.signals.length) {
        return point.is_finished
            ? { style: "circle", radius: 3, border: blue, fill: blue }
            : { style: "circle", radius: 4, border: blue, fill: surface };
    }
    const isGood = point.signals.every((signal) => signal.mood === "better");
    const isExplained = point.signals.every((signal) => signal.state === "explained");
    const color = isGood ? good : bad;
    return {
        style: isGood ? "rectRot" : "triangle",
        radius: 7,
        border: color,
        fill: isExplained ? surface : color,
    };
}

/** Break a sentence into lines of a tooltip. */
function wrap(sentence) {
    const lines = [""];
    for (const word of sentence.split(/\s+/)) {
        if (`${lines.at(-1)} ${word}`.length > LINE) {
            lines.push(word);
        } else {
            lines[lines.length - 1] = `${lines.at(-1)} ${word}`.trim();
        }
    }
    return lines;
}

/** Draw the pinned notes: a line down from a number, thick where a baseline begins. */
function getNotesPlugin(notes) {
    return {
        id: "crm_relations_notes",
        afterDatasetsDraw({ ctx, chartArea, scales }) {
            ctx.save();
            ctx.textAlign = "center";
            ctx.textBaseline = "middle";
            ctx.font = "bold 11px sans-serif";
            for (const { index, number, is_baseline } of notes) {
                const at = scales.x.getPixelForValue(index);
                // limits change half way from the point before
                const x = is_baseline
                    ? (at + scales.x.getPixelForValue(Math.max(index - 1, 0))) / 2
                    : at;
                ctx.strokeStyle = ctx.fillStyle = text;
                ctx.lineWidth = is_baseline ? 2 : 1;
                ctx.setLineDash(is_baseline ? [] : [2, 3]);
                ctx.beginPath();
                ctx.moveTo(x, chartArea.top);
                ctx.lineTo(x, chartArea.bottom);
                ctx.stroke();
                ctx.beginPath();
                ctx.arc(x, chartArea.top - 9, 9, 0, 2 * Math.PI);
                ctx.fill();
                ctx.fillStyle = surface;
                ctx.fillText(number, x, chartArea.top - 8.5);
            }
            ctx.restore();
        },
    };
}

function getLine(label, data, borderColor, more = {}) {
    return {
        label,
        data,
        borderColor,
        borderWidth: 1.5,
        stepped: "middle",
        pointRadius: 0,
        pointHitRadius: 0,
        pointStyle: "line",
        ...more,
    };
}

/** Lines at one and two standard deviations, faint and without a name. */
function getZones(points, scale) {
    return [-2, -1, 1, 2].map((step) =>
        getLine(
            undefined,
            points.map(({ centre, sigma, lower, upper }) => {
                const value = centre + step * sigma;
                const isWithin = sigma && value > lower && value < upper;
                return isWithin ? value * scale : null;
            }),
            grid,
            { borderWidth: 1 },
        ),
    );
}

function getOptions(data, { min, title, tooltip, hasLegend = true }) {
    const isPercent = data.unit === "percent";
    const unit = { hours: _t("hours") }[data.unit] || "";
    return {
        interaction: { mode: "index", intersect: false },
        layout: { padding: { top: data.notes.length ? 20 : 4 } },
        scales: {
            x: {
                grid: { display: false },
                ticks: { maxRotation: 0, autoSkipPadding: 14 },
            },
            y: {
                min,
                beginAtZero: false,
                title: { display: Boolean(title || unit), text: title || unit },
                ticks: {
                    maxTicksLimit: 7,
                    callback(value) {
                        const number = value.toLocaleString();
                        return isPercent ? `${number} %` : number;
                    },
                },
            },
        },
        plugins: {
            legend: {
                display: hasLegend,
                position: "bottom",
                // a chart that can lose its limits by a touch misleads
                onClick: () => {},
                labels: { filter: (item) => Boolean(item.text) },
            },
            tooltip: { displayColors: false, ...tooltip },
        },
    };
}

/**
 * @param {Object} data see `get_chart` of crm.quality.indicator
 * @param {Array} notes with the index of their point and their number
 * @returns {Object} configuration of Chart.js
 */
export function getValueConfig(data, notes) {
    const { points } = data;
    const scale = data.unit === "percent" ? 100 : 1;
    const scaled = (name) =>
        points.map((point) => (point[name] === null ? null : point[name] * scale));
    const styles = points.map(getPointStyle);
    const values = {
        label: data.measure,
        data: scaled("value"),
        borderColor: blue,
        pointStyle: styles.map(({ style }) => style),
        pointRadius: styles.map(({ radius }) => radius),
        pointHoverRadius: styles.map(({ radius }) => radius + 2),
        pointBackgroundColor: styles.map(({ fill }) => fill),
        pointBorderColor: styles.map(({ border }) => border),
        pointBorderWidth: 2,
        segment: {
            borderDash: ({ p1DataIndex }) =>
                points[p1DataIndex].is_finished ? undefined : [4, 4],
        },
    };
    const datasets = [
        values,
        getLine(_t("Centre"), scaled("centre"), muted),
        getLine(_t("Upper limit"), scaled("upper"), bad, { borderDash: [6, 4] }),
        getLine(_t("Lower limit"), scaled("lower"), bad, { borderDash: [6, 4] }),
        ...getZones(points, scale),
    ];
    if (data.target !== null) {
        const target = points.map(() => data.target * scale);
        datasets.push(getLine(_t("Target"), target, good, { borderDash: [2, 2] }));
    }
    const labels = points.map(({ label }) => label);
    const tooltip = {
        filter: ({ datasetIndex }) => datasetIndex === 0,
        callbacks: {
            title: ([item]) => item && getTitle(points[item.dataIndex]),
            label: ({ dataIndex }) => points[dataIndex].text,
            afterBody: ([item]) =>
                item && getStory(points[item.dataIndex], notes, item),
        },
    };
    const min = values.data.every((value) => value === null || value >= 0) ? 0 : null;
    return {
        type: "line",
        data: { labels, datasets },
        options: getOptions(data, { min: min ?? undefined, tooltip }),
        plugins: [getNotesPlugin(notes)],
    };
}

function getTitle({ label, is_finished }) {
    return is_finished ? label : _t("%s (not finished)", label);
}

/** Say what is special about a point, in lines. */
function getStory({ signals, usual }, notes, { dataIndex }) {
    const pinned = notes.filter(({ index }) => index === dataIndex);
    return [
        ...(usual ? [usual] : []),
        ...signals.map(({ text: rule }) => rule),
        ...signals.map(({ note }) => note).filter(Boolean),
        ...pinned.map(({ number, name }) => `${number}: ${name}`),
    ].flatMap(wrap);
}

/** The moving ranges, under a chart of individuals: does it vary as it used to? */
export function getRangeConfig(data) {
    const { points, ranges } = data;
    const scale = data.unit === "percent" ? 100 : 1;
    const scaled = (name) =>
        ranges.map((range) => (range[name] === null ? null : range[name] * scale));
    const isBeyond = ({ value, upper }) =>
        value !== null && upper !== null && value > upper;
    const colors = ranges.map((range) => (isBeyond(range) ? bad : chartColor(2)));
    const label = _t("Moving range");
    return {
        type: "line",
        data: {
            labels: points.map((point) => point.label),
            datasets: [
                {
                    label,
                    data: scaled("value"),
                    borderColor: chartColor(2),
                    pointRadius: ranges.map((range) => (isBeyond(range) ? 6 : 2)),
                    pointStyle: ranges.map((range) =>
                        isBeyond(range) ? "triangle" : "circle",
                    ),
                    pointBackgroundColor: colors,
                    pointBorderColor: colors,
                },
                getLine(_t("Centre"), scaled("centre"), muted),
                getLine(_t("Upper limit"), scaled("upper"), bad, {
                    borderDash: [6, 4],
                }),
            ],
        },
        options: getOptions(
            { ...data, notes: [] },
            {
                min: 0,
                title: label,
                hasLegend: false,
                tooltip: { filter: ({ datasetIndex }) => datasetIndex === 0 },
            },
        ),
    };
}
