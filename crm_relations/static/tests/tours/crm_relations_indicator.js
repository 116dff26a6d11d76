import { registry } from "@web/core/registry";

/** Click a point of a chart where it is drawn, as a hand with a mouse does. */
function clickPoint(canvas, index) {
    const point = window.Chart.getChart(canvas).getDatasetMeta(0).data[index];
    const { left, top } = canvas.getBoundingClientRect();
    const place = { bubbles: true, clientX: left + point.x, clientY: top + point.y };
    canvas.dispatchEvent(new MouseEvent("mousemove", place));
    canvas.dispatchEvent(new MouseEvent("click", place));
}

/** From an indicator's signal to its cases, by mouse and by keyboard; then a note. */
registry.category("web_tour.tours").add("crm_relations_indicator", {
    steps: () => [
        {
            content: "The card shows what is up",
            trigger: ".o_kanban_record:contains(Support mail):contains(Signal)",
        },
        {
            trigger:
                ".o_kanban_record:contains(Support mail) .o_crm_sparkline polyline",
        },
        {
            trigger: ".o_kanban_record:contains(Support mail)",
            run: "click",
        },
        {
            content: "The signal is the ninth point",
            trigger: ".o_crm_control_chart canvas[role=img]",
            run() {
                clickPoint(this.anchor, 8);
            },
        },
        {
            trigger: ".o_last_breadcrumb_item:contains(Support mail, W44 2026)",
        },
        {
            content: "As many cases as the point says",
            trigger: ".o_list_view:has(.o_pager_limit:contains(20)) .o_data_row",
        },
        {
            trigger: ".o_back_button",
            run: "click",
        },
        {
            content: "The same from the table for those who see no chart",
            trigger: ".o_crm_chart_table tr:contains(W43 2026) button",
            run() {
                this.anchor.click();
            },
        },
        {
            trigger: ".o_last_breadcrumb_item:contains(Support mail, W43 2026)",
        },
        {
            trigger: ".o_back_button",
            run: "click",
        },
        {
            trigger: ".o_crm_pin_note",
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name=name] input",
            run: "edit New procedure from here",
        },
        {
            trigger: ".modal .o_field_widget[name=is_baseline] input",
            run: "click",
        },
        {
            trigger: ".modal .o_form_button_save, .modal .btn-primary",
            run: "click",
        },
        {
            content: "The note stands under the chart",
            trigger:
                ".o_crm_chart_notes li:contains(New procedure from here):contains(New baseline)",
        },
    ],
});
