import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { Component } from "@odoo/owl";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/**
 * Who is this, in one glance: figures of a partner, each of which opens what is behind
 * it. On another record `partner_field` names the field that holds the partner.
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

    get partnerId() {
        const { record, partnerField } = this.props;
        return partnerField ? record.data[partnerField]?.id : record.resId;
    }

    async open(figure) {
        if (this.partnerId) {
            const args = [[this.partnerId]];
            this.action.doAction(
                await this.orm.call("res.partner", figure.action, args),
            );
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
