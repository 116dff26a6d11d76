import { deserializeDate } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { CHART_COLORS, chartColor } from "@crm_relations/chart/chart";

const MAX_POINTS = 100; // more days than this are shown by week
const MAX_WEEKS = 160; // and more weeks than this by month

/** The colours of the states, everywhere the same. */
export const STATE_COLORS = {
    closed: CHART_COLORS.good,
    pending: chartColor(1),
    open: chartColor(0),
    draft: chartColor(2),
};

/**
 * Put days into the steps of a chart: days, weeks or months.
 *
 * @param {string[]} days as the server gives them, without gaps
 * @returns {{label: string, first: number, last: number}[]} places in `days`
 */
export function getSteps(days) {
    const unit =
        (days.length <= MAX_POINTS && "day") ||
        (days.length <= MAX_WEEKS * 7 && "week") ||
        "month";
    const steps = [];
    let key = null;
    days.forEach((day, index) => {
        const start = deserializeDate(day).startOf(unit).toISODate();
        if (start !== key) {
            key = start;
            const format =
                unit === "month" ? { month: "short", year: "numeric" } : null;
            steps.push({
                label: deserializeDate(day).toLocaleString(
                    format || { day: "numeric", month: "short" },
                ),
                first: index,
            });
        }
        steps.at(-1).last = index;
    });
    return steps;
}

const atEnd = (steps, values) => steps.map((step) => values[step.last]);
const inAll = (steps, values) =>
    steps.map((step) =>
        values.slice(step.first, step.last + 1).reduce((sum, value) => sum + value, 0),
    );

const wholeNumbers = { ticks: { precision: 0 } };
const quietDays = {
    grid: { display: false },
    ticks: { maxRotation: 0, maxTicksLimit: 10 },
};
const onStep = { mode: "index", intersect: false };

/** Make what is written on a chart as large as one needs from afar. */
export function enlarge(config, size) {
    const font = { size };
    const { plugins, scales } = config.options;
    for (const scale of Object.values(scales)) {
        scale.ticks = { ...scale.ticks, font, maxTicksLimit: 6 };
    }
    config.options.plugins = {
        ...plugins,
        legend: { ...plugins?.legend, labels: { font, boxHeight: size / 2 } },
    };
    return config;
}

/** A line: what was open at the end of each step. */
export function getOpenConfig(steps, open) {
    const dataset = {
        label: _t("Open at the end"),
        data: atEnd(steps, open),
        borderColor: chartColor(0),
        backgroundColor: `${chartColor(0)}22`,
        fill: true,
        pointRadius: 0,
        tension: 0.2,
    };
    return {
        type: "line",
        data: { labels: steps.map((step) => step.label), datasets: [dataset] },
        options: {
            interaction: onStep,
            plugins: { legend: { display: false } },
            scales: { x: { ...quietDays }, y: { ...wholeNumbers } },
        },
    };
}

/** Bars: what was opened and closed in each step. */
export function getFlowConfig(steps, opened, closed) {
    const bar = { borderRadius: 3, maxBarThickness: 18 };
    return {
        type: "bar",
        data: {
            labels: steps.map((step) => step.label),
            datasets: [
                {
                    ...bar,
                    label: _t("Opened"),
                    data: inAll(steps, opened),
                    backgroundColor: chartColor(0),
                },
                {
                    ...bar,
                    label: _t("Closed"),
                    data: inAll(steps, closed),
                    backgroundColor: CHART_COLORS.good,
                },
            ],
        },
        options: { scales: { x: { ...quietDays }, y: { ...wholeNumbers } } },
    };
}

/**
 * Areas on top of each other: closed since the first day, and what is where.
 *
 * The upper edge is what has come so far, the height of a band what is in that state,
 * the width of the unclosed bands how long cases take.
 */
export function getCumulativeConfig(steps, { closed, states }, labels) {
    let sum = 0;
    const done = closed.map((count) => (sum += count));
    const band = (key, values) => ({
        label: labels[key],
        data: atEnd(steps, values),
        borderColor: STATE_COLORS[key],
        backgroundColor: `${STATE_COLORS[key]}b0`,
        borderWidth: 1,
        fill: true,
        pointRadius: 0,
    });
    return {
        type: "line",
        data: {
            labels: steps.map((step) => step.label),
            datasets: [
                band("closed", done),
                ...["pending", "open", "draft"].map((key) => band(key, states[key])),
            ],
        },
        options: {
            interaction: { mode: "nearest", intersect: false },
            plugins: { tooltip: { mode: "index" }, legend: { reverse: true } },
            scales: { x: quietDays, y: { stacked: true, ...wholeNumbers } },
        },
    };
}

/** Bars: how old the open cases are. */
export function getAgeConfig(ages) {
    const shade = (index) => {
        const { good, warn, bad } = CHART_COLORS;
        return [good, good, chartColor(0), chartColor(0), warn, bad, bad][index] || bad;
    };
    return {
        type: "bar",
        data: {
            labels: ages.map((age) => age.label),
            datasets: [
                {
                    label: _t("Open cases"),
                    data: ages.map((age) => age.count),
                    backgroundColor: ages.map((_age, index) => shade(index)),
                    borderRadius: 3,
                    maxBarThickness: 48,
                },
            ],
        },
        options: {
            plugins: { legend: { display: false } },
            scales: {
                x: {
                    grid: { display: false },
                    title: { display: true, text: _t("Days") },
                },
                y: wholeNumbers,
            },
        },
    };
}
