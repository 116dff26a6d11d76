import { Component, markRaw, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { useRecordObserver } from "@web/model/relational_model/utils";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { Chart } from "../chart/chart";
import { getRangeConfig, getValueConfig } from "./control_chart_config";

/**
 * The control chart of an indicator in its form: a click on a point opens the cases
 * behind it, notes can be pinned to a period.
 */
export class ControlChart extends Component {
    static template = "crm_relations.ControlChart";
    static components = { Chart };
    static props = { ...standardWidgetProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.state = useState({ data: null, values: null, ranges: null, notes: [] });
        useRecordObserver(async (record) => {
            // read, so that a computation draws the chart anew
            const { resId, data } = record;
            if (resId && data.date_computed) {
                await this.load(resId);
            } else {
                this.state.data = null;
            }
        });
    }

    get resId() {
        return this.props.record.resId;
    }

    async load(resId) {
        const data = await this.orm.call("crm.quality.indicator", "get_chart", [resId]);
        const notes = data.notes.map((note, index) => ({
            ...note,
            number: index + 1,
            index: data.points.findIndex(({ date }) => date === note.date),
        }));
        const isEmpty = !data.points.length;
        Object.assign(this.state, {
            data,
            notes,
            values: isEmpty ? null : markRaw(getValueConfig(data, notes)),
            ranges: data.ranges.length ? markRaw(getRangeConfig(data)) : null,
        });
    }

    get label() {
        const { name } = this.props.record.data;
        return _t("Control chart of %s", name || "");
    }

    get rangeLabel() {
        return _t("Moving ranges of %s", this.props.record.data.name || "");
    }

    get finishedCount() {
        return this.state.data.points.filter(
            (point) => point.is_finished && point.value !== null,
        ).length;
    }

    async openCases(index) {
        const { date } = this.state.data.points[index];
        this.action.doAction(
            await this.orm.call("crm.quality.indicator", "action_view_cases", [
                [this.resId],
                date,
            ]),
        );
    }

    pinNote() {
        this.action.doAction(
            {
                type: "ir.actions.act_window",
                name: _t("Pin a Note"),
                res_model: "crm.quality.annotation",
                views: [[false, "form"]],
                target: "new",
                context: { default_indicator_id: this.resId },
            },
            {
                onClose: () =>
                    this.props.record.load().then(() => this.load(this.resId)),
            },
        );
    }
}

registry.category("view_widgets").add("crm_control_chart", {
    component: ControlChart,
    fieldDependencies: [
        { name: "name", type: "char" },
        { name: "date_computed", type: "datetime", readonly: true },
    ],
});
