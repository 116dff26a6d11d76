import { registry } from "@web/core/registry";

const figure = (key, value) =>
    `.o_crm_team_now [data-figure=${key}] .o_crm_team_value:contains(/^${value}$/)`;

/** From the section's card to the team's page; a figure opens what it counts. */
registry.category("web_tour.tours").add("crm_relations_team", {
    steps: () => [
        {
            trigger:
                ".o_kanban_record:contains(Support 2 / Support 1) .o_crm_card_team",
            run: "click",
        },
        {
            content: "The page of the section whose card it was",
            trigger: ".o_crm_team_sections:has(option:checked:contains(Support 1))",
        },
        {
            content: "The colleague's cases are counted for his manager",
            trigger: figure("open", 3),
            run: "click",
        },
        {
            trigger: ".o_last_breadcrumb_item:contains(Support 1: Unclosed)",
        },
        {
            trigger:
                ".o_list_view:has(.o_data_row:nth-child(3)):not(:has(.o_data_row:nth-child(4)))",
        },
        { trigger: ".o_back_button", run: "click" },
        {
            content: "One person's late cases",
            trigger: ".o_crm_team_member:contains(Agent) .o_crm_team_late:contains(1)",
            run: "click",
        },
        {
            trigger: ".o_list_view .o_data_row:contains(Forgotten)",
        },
        { trigger: ".o_back_button", run: "click" },
        {
            content: "What waits longest comes first and opens",
            trigger: ".o_crm_team_waiting li:first-child button:contains(Printer)",
            run: "click",
        },
        { trigger: ".o_form_view .o_breadcrumb:contains(Printer on fire)" },
        { trigger: ".o_back_button", run: "click" },
        {
            content: "The figures of the chart, as a screen reader gets them",
            trigger:
                ".o_crm_team_charts .o_crm_chart_table:eq(1) tbody tr:last-child button:first:contains(3)",
            run: "click",
        },
        {
            trigger: ".o_last_breadcrumb_item:contains(Opened)",
        },
        {
            trigger:
                ".o_list_view:has(.o_data_row:nth-child(3)):not(:has(.o_data_row:nth-child(4)))",
        },
    ],
});

/** The big screen: no bar above it, and what happens meanwhile shows up by itself. */
registry.category("web_tour.tours").add("crm_relations_team_screen", {
    steps: () => [
        { trigger: `.o_crm_team_big ${figure("open", 1)}` },
        { trigger: "body:not(:has(.o_main_navbar:visible))" },
        {
            content: "Somebody takes it, the screen learns of it",
            trigger: figure("unassigned", 1),
            async run() {
                const { orm } = odoo.__WOWL_DEBUG__.root.env.services;
                const cases = await orm.search("crm.case", [
                    ["name", "=", "Printer on fire"],
                ]);
                await orm.call("crm.case", "action_assign_to_me", [cases]);
            },
        },
        { trigger: figure("unassigned", 0) },
        {
            content: "Back to the page of the same section",
            trigger: ".o_crm_team_leave",
            run: "click",
        },
        { trigger: ".o_crm_team:not(.o_crm_team_big)" },
        {
            trigger: ".o_crm_team_sections:has(option:checked:contains(Support 1))",
        },
    ],
});

/** The backlog: its figures open their cases. */
registry.category("web_tour.tours").add("crm_relations_backlog", {
    steps: () => [
        {
            trigger: ".o_crm_backlog_summary [data-figure=open]:contains(2)",
        },
        {
            content: "The bar of the youngest",
            trigger:
                "[data-chart=ages] .o_crm_chart_table tbody tr:first-child button:contains(2)",
            run: "click",
        },
        { trigger: ".o_last_breadcrumb_item:contains(Open for 0–1 days)" },
        { trigger: ".o_list_view .o_data_row:contains(Printer on fire)" },
        { trigger: ".o_back_button", run: "click" },
        {
            content: "A year, by week",
            trigger: ".btn-group button:contains(1 year)",
            run: "click",
        },
        { trigger: ".btn-group button.active:contains(1 year)" },
        {
            trigger:
                "[data-chart=open] .o_crm_chart_table tbody tr:last-child button:contains(2)",
            run: "click",
        },
        { trigger: ".o_last_breadcrumb_item:contains(Open at the End of)" },
        {
            trigger:
                ".o_list_view:has(.o_data_row:nth-child(2)):not(:has(.o_data_row:nth-child(3)))",
        },
        { trigger: ".o_back_button", run: "click" },
        {
            content: "What was chosen is still chosen",
            trigger: ".btn-group button.active:contains(1 year)",
        },
    ],
});
