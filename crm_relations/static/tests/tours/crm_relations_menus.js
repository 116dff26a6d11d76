import { registry } from "@web/core/registry";

/** A manager gives a section menus of its own and opens one of them. */
registry.category("web_tour.tours").add("crm_relations_menus", {
    steps: () => [
        {
            trigger: ".o_form_view .o_statusbar_buttons button:contains(Create Menus)",
            run: "click",
        },
        {
            content: "The wizard proposes the section's name",
            trigger: ".modal .o_field_widget[name=name] input:value(Support 1)",
        },
        {
            content: "An entry can be renamed",
            trigger:
                ".modal .o_data_row:contains(Late Cases):not(:contains(My)) td[name=name]",
            run: "click",
        },
        {
            trigger: ".modal .o_selected_row td[name=name] input",
            run: "edit Overdue",
        },
        {
            trigger: ".modal button[name=action_create_menus]",
            run: "click",
            expectUnloadPage: true,
        },
        {
            trigger: ".o_menu_sections button:contains(Support 1)",
            run: "click",
        },
        {
            content: "An entry with others below it opens as well",
            trigger: ".o-dropdown--menu .dropdown-item:contains(All Cases)",
            run: "click",
        },
        {
            trigger: ".o_last_breadcrumb_item:contains(Support 1: All Cases)",
        },
        {
            trigger: ".o_menu_sections button:contains(Support 1)",
            run: "click",
        },
        {
            trigger: ".o-dropdown--menu .dropdown-item:contains(Overdue)",
            run: "click",
        },
        {
            trigger: ".o_last_breadcrumb_item:contains(Support 1: Overdue)",
        },
        {
            content: "It shows what its name says",
            trigger:
                ".o_kanban_renderer:has(.o_kanban_record:contains(Forgotten)):not(:has(.o_kanban_record:contains(Printer on fire)))",
        },
    ],
});
