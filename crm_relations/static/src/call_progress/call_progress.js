import { Component } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

const COLORS = {
    done: "bg-success",
    refused: "bg-danger",
    given_up: "bg-secondary",
    excluded: "bg-dark",
    again: "bg-info",
    missed: "bg-warning",
    working: "bg-primary",
    todo: "bg-light border",
};

/**
 * How far a list of calls is: a bar of what came of them, and a legend whose figures
 * open what they count.
 */
export class CallProgress extends Component {
    static template = "crm_relations.CallProgress";
    static props = { ...standardFieldProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
    }

    get parts() {
        const parts = this.props.record.data[this.props.name] || [];
        const total = parts.reduce((sum, part) => sum + part.count, 0);
        return parts.map((part) => ({
            ...part,
            color: COLORS[part.key],
            share: (100 * part.count) / total,
        }));
    }

    async open(part) {
        const { resModel, resId } = this.props.record;
        if (resId) {
            const context = { call_state: part.key };
            this.action.doAction(
                await this.orm.call(resModel, "action_view_calls", [[resId]], {
                    context,
                }),
            );
        }
    }
}

registry.category("fields").add("crm_call_progress", {
    component: CallProgress,
    supportedTypes: ["json"],
    isEmpty: () => false,
});
