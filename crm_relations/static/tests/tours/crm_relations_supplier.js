import { registry } from "@web/core/registry";

// from a supplier's score to what is done about it, and to the follow-up
registry.category("web_tour.tours").add("crm_relations_supplier", {
    steps: () => [
        {
            content: "compute the scores",
            trigger: "button[name=action_update]",
            run: "click",
        },
        {
            content: "the supplier has a class; open him",
            trigger: ".o_data_row:has(.badge:contains(A)) td:contains(ACME)",
            run: "click",
        },
        {
            content: "it is told how the score arises",
            trigger: ".o_crm_quality_lines tr:contains(Quality cases):contains(90.0)",
        },
        {
            content: "and how it went",
            trigger: "div[name=chart] svg circle",
        },
        {
            content: "what is done about it",
            trigger: "button[name=action_view_actions]",
            run: "click",
        },
        {
            content: "those of this supplier",
            trigger: ".o_breadcrumb:contains(Actions of ACME)",
        },
        {
            content: "new",
            trigger: ".o_list_button_add",
            run: "click",
        },
        {
            content: "what",
            trigger: "div[name=name] input, div[name=name] textarea",
            run: "edit Change the tool",
        },
        {
            content: "by when",
            trigger: "div[name=date_deadline] input, div[name=date_deadline] button",
            run: "click",
        },
        {
            content: "today",
            trigger: ".o_datetime_picker .o_today",
            run: "click",
        },
        {
            content: "what was done",
            trigger: "div[name=work_done] textarea",
            run: "edit New tool in use",
        },
        {
            content: "done",
            trigger: "button[name=action_done]",
            run: "click",
        },
        {
            content: "it did not help",
            trigger: "button[name=action_ineffective]",
            run: "click",
        },
        {
            content: "it goes on in a follow-up",
            trigger: "div[name=origin_id]:contains(Change the tool)",
        },
    ],
});
