import { registry } from "@web/core/registry";

const select = (field, label) => [
    {
        trigger: `.o_field_widget[name=${field}] input`,
        run: "click",
    },
    {
        trigger: `.o_select_menu_item:contains(/^${label}$/)`,
        run: "click",
    },
];

/** The book's example, by hand: write the rule, try it on the past, switch it on. */
registry.category("web_tour.tours").add("crm_relations_rule", {
    steps: () => [
        {
            trigger: ".o_list_button_add",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=name] input",
            run: "edit Copy to our expert after 2 days",
        },
        ...select("date_type", "Creation"),
        {
            trigger: ".o_field_widget[name=delay] input",
            run: "edit 2",
        },
        ...select("state_to", "Open"),
        {
            trigger: ".o_field_widget[name=add_watchers] input",
            run: "edit expert@firm.example",
        },
        {
            trigger: ".o_form_button_save:enabled",
            run: "click",
        },
        {
            content: "It says itself in words",
            trigger:
                ".o_field_widget[name=summary]:contains(2 days after the creation)",
        },
        {
            trigger: "button[name=action_backtest]",
            run: "click",
        },
        {
            trigger: ".modal button[name=action_run]",
            run: "click",
        },
        {
            content: "The case of three days ago would have been copied",
            trigger: ".modal .o_field_widget[name=case_count]:contains(/^1$/)",
        },
        {
            trigger: ".modal .o_data_row:contains(Waiting for an expert)",
        },
        {
            trigger: ".modal footer button:contains(Close)",
            run: "click",
        },
        {
            trigger: "body:not(:has(.modal)) button[name=action_switch_on]",
            run: "click",
        },
        {
            content: "It asks about the case that is due already",
            trigger: ".modal .o_field_widget[name=overdue_count]:contains(/^1$/)",
        },
        {
            trigger: ".modal .o_radio_input[data-value=fire]",
            run: "click",
        },
        {
            trigger: ".modal button[name=action_switch_on]",
            run: "click",
        },
        {
            trigger: "button[name=action_switch_off]",
        },
    ],
});

/** Afterwards, on the case: what was done, and why. */
registry.category("web_tour.tours").add("crm_relations_rule_why", {
    steps: () => [
        {
            trigger: ".o_field_widget[name=rule_run_count]:contains(1)",
        },
        {
            trigger: ".o_cp_action_menus .dropdown-toggle",
            run: "click",
        },
        {
            trigger: ".o-dropdown-item:contains(Why did this rule not fire?)",
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name=rule_id] input",
            run: "edit our expert",
        },
        {
            trigger: ".o-autocomplete--dropdown-item:contains(Copy to our expert)",
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name=criteria] td:contains(Open)",
        },
        {
            trigger: ".modal .o_field_widget[name=runs] td:contains(Done)",
        },
        {
            trigger: ".modal footer button:contains(Close)",
            run: "click",
        },
        {
            trigger: "body:not(:has(.modal)) button[name=action_view_rule_runs]",
            run: "click",
        },
        {
            trigger: ".o_data_row:contains(Copy to our expert after 2 days)",
        },
    ],
});
