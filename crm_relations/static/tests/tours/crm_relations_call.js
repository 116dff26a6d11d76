import { registry } from "@web/core/registry";

// from the partner: a call in two clicks, the sentiment moves, the timeline shows it
registry.category("web_tour.tours").add("crm_relations_call", {
    steps: () => [
        {
            content: "nothing is known of how she feels",
            trigger:
                ".o_crm_relation_figure[data-figure=sentiment]:contains(not known)",
        },
        {
            content: "log a call",
            trigger: "button[name=action_log_event]",
            run: "click",
        },
        {
            content: "how she felt",
            trigger: ".modal div[name=sentiment] select",
            run: "select 9",
        },
        {
            content: "what it was about",
            trigger: ".modal div[name=name] input",
            run: "edit Loves the new printer",
        },
        {
            content: "log it",
            trigger: ".modal button[name=action_log]",
            run: "click",
        },
        {
            content: "the sentiment has moved",
            trigger:
                "body:not(:has(.modal)) .o_crm_relation_figure[data-figure=sentiment]:contains(8.2)",
        },
        {
            content: "she was called today; open the timeline",
            trigger: ".o_crm_relation_figure[data-figure=last_out]:contains(today)",
            run: "click",
        },
        {
            content: "the call is on it; open its source",
            trigger: ".o_data_row:contains(Loves the new printer) td[name=name]",
            run: "click",
        },
        {
            content: "this is the event",
            trigger: ".o_form_view div[name=kind_id]",
        },
        {
            content: "with the mark",
            trigger: ".o_form_view div[name=sentiment] select:value(9)",
        },
    ],
});
