import { Component } from "@odoo/owl";
import { localization } from "@web/core/l10n/localization";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

const HEIGHT = 24;
const WIDTH = 100;

/** The latest points of an indicator as a small line, over the band of its limits. */
export class Sparkline extends Component {
    static template = "crm_relations.Sparkline";
    static props = { ...standardFieldProps };

    get points() {
        return (this.props.record.data[this.props.name] || []).filter(
            (point) => point.value !== null,
        );
    }

    get bounds() {
        const numbers = this.points
            .flatMap(({ value, lower, upper }) => [value, lower, upper])
            .filter((number) => number !== null);
        return { low: Math.min(...numbers), high: Math.max(...numbers) };
    }

    getY(value) {
        const { low, high } = this.bounds;
        const share = high > low ? (value - low) / (high - low) : 0.5;
        return (1 + (1 - share) * (HEIGHT - 2)).toFixed(1);
    }

    get line() {
        const { points } = this;
        if (points.length < 2) {
            return "";
        }
        const step = WIDTH / (points.length - 1);
        const isRtl = localization.direction === "rtl";
        return points
            .map(({ value }, index) => {
                const x = index * step;
                return `${(isRtl ? WIDTH - x : x).toFixed(1)},${this.getY(value)}`;
            })
            .join(" ");
    }

    get band() {
        const last = this.points.at(-1);
        if (!last || last.upper === null) {
            return null;
        }
        const y = this.getY(last.upper);
        return { y, height: Math.max(this.getY(last.lower) - y, 0.5) };
    }
}

registry.category("fields").add("crm_sparkline", {
    component: Sparkline,
    supportedTypes: ["json"],
    isEmpty: () => false,
});
