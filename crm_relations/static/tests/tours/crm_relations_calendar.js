import { registry } from "@web/core/registry";

/** The calendar shows cases on their date and opens them. */
registry.category("web_tour.tours").add("crm_relations_calendar", {
    steps: () => [
        {
            trigger: ".o_menu_sections button:contains(Cases)",
            run: "click",
        },
        {
            trigger: ".o-dropdown--menu .dropdown-item:contains(Calendar)",
            run: "click",
        },
        {
            trigger: ".o_calendar_view .fc-event:contains(Printer on fire)",
            run: "click",
        },
        {
            trigger: ".o_cw_popover .o_cw_popover_edit",
            run: "click",
        },
        {
            trigger:
                ".modal .o_form_view .o_field_widget[name=name] textarea:value(Printer on fire)",
        },
    ],
});
