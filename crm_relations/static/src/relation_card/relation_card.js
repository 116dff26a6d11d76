import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { Component } from "@odoo/owl";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/**
 * Who is this, in one glance: figures of a record, each of which opens what is behind
 * it by a method of its model. Where they are those of a partner, `partner_field` names
 * the field that holds him.
 */
export class RelationCard extends Component {
    static template = "crm_relations.RelationCard";
    static props = {
        ...standardFieldProps,
        partnerField: { type: String, optional: true },
    };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
    }

    get figures() {
        return this.props.record.data[this.props.name] || [];
    }

    get subject() {
        const { record, partnerField } = this.props;
        return partnerField
            ? { model: "res.partner", id: record.data[partnerField]?.id }
            : { model: record.resModel, id: record.resId };
    }

    async open(figure) {
        const { model, id } = this.subject;
        if (id) {
            this.action.doAction(await this.orm.call(model, figure.action, [[id]]));
        }
    }
}

export const relationCard = {
    component: RelationCard,
    supportedTypes: ["json"],
    isEmpty: () => false,
    extractProps: ({ options }) => ({ partnerField: options.partner_field }),
};

registry.category("fields").add("crm_relation_card", relationCard);
