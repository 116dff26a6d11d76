import { registry } from "@web/core/registry";

const figure = (label) =>
    `.o_kanban_record:contains(Support 2 / Support 1) .o_crm_card_figure:contains(${label})`;

/** A figure on a section's card opens exactly the cases it counts. */
registry.category("web_tour.tours").add("crm_relations_overview", {
    steps: () => [
        {
            content: "Nothing to set up for someone who only works on cases",
            trigger:
                ".o_menu_sections:not(:has([data-menu-xmlid='crm_relations.crm_relations_menu_configuration']))",
        },
        {
            content: "The colleague's cases are neither counted nor shown",
            trigger: `${figure("Unclosed")}:contains(2)`,
            run: "click",
        },
        {
            trigger: ".o_last_breadcrumb_item:contains(Support 1: Unclosed)",
        },
        {
            trigger:
                ".o_list_view:not(:has(.o_data_row:contains(Secret))) .o_data_row:contains(Printer on fire)",
        },
        {
            trigger: ".o_back_button",
            run: "click",
        },
        {
            trigger: `${figure("Late")}:contains(1)`,
            run: "click",
        },
        {
            trigger: ".o_last_breadcrumb_item:contains(Support 1: Late)",
        },
        {
            content: "Late cases stand out",
            trigger:
                ".o_list_view:not(:has(.o_data_row:contains(Printer on fire))) .o_data_row.text-danger:contains(Forgotten)",
        },
    ],
});
