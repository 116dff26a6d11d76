import { _t } from "@web/core/l10n/translation";
import { Component, onWillStart, useEffect, useRef } from "@odoo/owl";
import { getColor, hexToRGBA } from "@web/core/colors/colors";
import { cookie } from "@web/core/browser/cookie";
import { loadBundle } from "@web/core/assets";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/**
 * A line of sizes over time, out of a JSON field: [{label, size}], oldest first. It says
 * in words what it shows to whoever does not see it.
 */
export class SegmentSize extends Component {
    static template = "crm_relations.SegmentSize";
    static props = { ...standardFieldProps };

    setup() {
        this.canvas = useRef("canvas");
        onWillStart(() => loadBundle("web.chartjs_lib"));
        useEffect(
            () => {
                const chart = new Chart(this.canvas.el, this.config);
                return () => chart.destroy();
            },
            () => [JSON.stringify(this.points)],
        );
    }

    get points() {
        return this.props.record.data[this.props.name] || [];
    }

    get words() {
        const [first, last] = [this.points.at(0), this.points.at(-1)];
        return (
            first &&
            _t("%(before)s members on %(begin)s, %(now)s on %(end)s", {
                before: first.size,
                begin: first.label,
                now: last.size,
                end: last.label,
            })
        );
    }

    get config() {
        const color = getColor(0, cookie.get("color_scheme"), "odoo");
        return {
            type: "line",
            data: {
                labels: this.points.map((point) => point.label),
                datasets: [
                    {
                        data: this.points.map((point) => point.size),
                        label: _t("Members"),
                        borderColor: color,
                        backgroundColor: hexToRGBA(color, 0.15),
                        borderWidth: 2,
                        fill: "start",
                        pointRadius: 0,
                    },
                ],
            },
            options: {
                animation: false,
                maintainAspectRatio: false,
                interaction: { intersect: false, mode: "index" },
                plugins: { legend: { display: false } },
                scales: {
                    x: { ticks: { maxTicksLimit: 4, maxRotation: 0 } },
                    y: { beginAtZero: true, ticks: { precision: 0, maxTicksLimit: 4 } },
                },
            },
        };
    }
}

registry.category("fields").add("crm_segment_size", {
    component: SegmentSize,
    supportedTypes: ["json"],
    isEmpty: () => false,
});
