import { registry } from "@web/core/registry";

/** Each figure of the pivot opens exactly the cases that it counts. */
registry.category("web_tour.tours").add("crm_relations_analysis", {
    steps: () => [
        {
            content: "The cases of this month, by section",
            trigger: ".o_pivot th:contains(Support 2 / Support 1)",
        },
        {
            trigger:
                ".o_pivot tr:has(th:contains(Support 2 / Support 1)) td:contains(/^3$/)",
            run: "click",
        },
        {
            trigger: ".o_list_view .o_pager_limit:contains(3)",
        },
        {
            trigger:
                ".o_list_view:not(:has(.o_data_row:contains(Former))) .o_data_row:contains(Printer on fire)",
        },
        {
            trigger: ".o_breadcrumb a:contains(This Month)",
            run: "click",
        },
        {
            content: "A mean is of the cases that are closed",
            trigger:
                ".o_pivot tr:has(th:contains(Support 2 / Support 1)) td:contains(06:00)",
        },
    ],
});
