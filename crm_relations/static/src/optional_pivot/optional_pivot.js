import { registry } from "@web/core/registry";
import { PivotRenderer } from "@web/views/pivot/pivot_renderer";
import { pivotView } from "@web/views/pivot/pivot_view";

/** A mean or share of nothing is left empty; Odoo's pivot says 0 or 00:00 of it. */
export class OptionalPivotRenderer extends PivotRenderer {
    getFormattedValue(cell) {
        return cell.value === false ? { value: "" } : super.getFormattedValue(cell);
    }
}

registry.category("views").add("crm_relations_optional_pivot", {
    ...pivotView,
    Renderer: OptionalPivotRenderer,
});
