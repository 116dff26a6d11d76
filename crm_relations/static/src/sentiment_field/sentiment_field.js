import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { Component } from "@odoo/owl";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

const MARKS = Array.from({ length: 11 }, (_, mark) => mark);

/**
 * A mark from 0 (very dissatisfied) to 10 (extremely satisfied), or none: a plain
 * number field would turn "not asked" into 0.
 */
export class SentimentField extends Component {
    static template = "crm_relations.SentimentField";
    static props = { ...standardFieldProps };
    marks = MARKS;

    get value() {
        return this.props.record.data[this.props.name];
    }

    get isSet() {
        return this.value !== false && this.value !== null;
    }

    get label() {
        return this.isSet ? _t("%s of 10", this.value) : "";
    }

    onChange(ev) {
        const value = ev.target.value;
        this.props.record.update({
            [this.props.name]: value === "" ? false : Number(value),
        });
    }
}

export const sentimentField = {
    component: SentimentField,
    displayName: _t("Sentiment"),
    supportedTypes: ["integer"],
    isEmpty: () => false,
};

registry.category("fields").add("crm_sentiment", sentimentField);
