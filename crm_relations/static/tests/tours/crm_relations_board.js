import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

const column = (name) => `.o_kanban_group:has(.o_column_title:contains(${name}))`;
const card = (name) => `.o_kanban_record:contains(${name})`;

/** Someone with the role "user" works on the board of his section. */
registry.category("web_tour.tours").add("crm_relations_board", {
    steps: () => [
        stepUtils.showAppsMenuItem(),
        {
            content: "Open the application",
            trigger: ".o_app[data-menu-xmlid='crm_relations.crm_relations_menu_root']",
            run: "click",
        },
        {
            content: "Open the board of the section from its card",
            trigger: `${card("Support 2 / Support 1")} span:contains(Support 2 / Support 1)`,
            run: "click",
        },
        {
            content: "The board has a column per stage",
            trigger: `${column("New")} ${card("Printer on fire")}`,
        },
        // create
        {
            trigger: `${column("New")} .o_kanban_quick_add`,
            run: "click",
        },
        {
            trigger: ".o_kanban_quick_create .o_field_widget[name=name] input",
            run: "edit Paper jam",
        },
        {
            trigger: ".o_kanban_quick_create .o_kanban_add",
            run: "click",
        },
        {
            trigger: `${column("New")} ${card("Paper jam")}`,
        },
        {
            content: "Put the form for a next one away",
            trigger: ".o_kanban_quick_create .o_kanban_cancel",
            run: "click",
        },
        // assign
        {
            trigger: `.o_kanban_renderer:not(:has(.o_kanban_quick_create)) ${card("Printer on fire")}`,
            run: `hover && click ${card("Printer on fire")} .o_dropdown_kanban button`,
        },
        {
            trigger: ".o-dropdown--menu .dropdown-item:contains(Assign to Me)",
            run: "click",
        },
        {
            content: "The card shows the face of its responsible",
            trigger: `${card("Printer on fire")} footer .o_field_many2one_avatar_user img`,
        },
        // drag
        {
            trigger: card("Paper jam"),
            run: `drag_and_drop (${column("In Progress")})`,
        },
        {
            trigger: `${column("In Progress")} ${card("Paper jam")}`,
        },
        // escalate
        {
            trigger: card("Printer on fire"),
            run: "click",
        },
        {
            trigger: ".o_form_view button[name=action_escalate]",
            run: "click",
        },
        {
            content: "The case is out of reach now, so its form was left",
            trigger: ".o_last_breadcrumb_item:contains(My Cases)",
        },
        {
            trigger: `.o_kanban_renderer:not(:has(${card("Printer on fire")}))`,
        },
        // close
        {
            trigger: card("Paper jam"),
            run: "click",
        },
        {
            trigger: ".o_form_view button[name=action_close]",
            run: "click",
        },
        {
            trigger: ".o_statusbar_status .o_arrow_button_current:contains(Closed)",
        },
        // what the state machine forbids
        {
            trigger: ".o_statusbar_status .o_arrow_button:contains(In Progress)",
            run: "click",
        },
        {
            content: "The message says what is allowed instead",
            trigger: ".modal:contains(it can go to: Draft) .modal-footer button",
            run: "click",
        },
        {
            trigger: "body:not(:has(.modal)) .o_form_button_cancel",
            run: "click",
        },
        {
            trigger: ".o_statusbar_status .o_arrow_button_current:contains(Closed)",
        },
    ],
});
