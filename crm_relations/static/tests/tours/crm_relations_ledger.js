import { registry } from "@web/core/registry";

const row = (subject) => `.o_data_row:contains(${subject})`;
const state = (label) =>
    `.o_statusbar_status .o_arrow_button_current:contains(${label})`;

const openLedger = [
    {
        trigger: "[data-menu-xmlid='crm_relations.crm_mail_intake_menu']",
        run: "click",
    },
    { trigger: ".o_list_view .o_last_breadcrumb_item:contains(Incoming Mail)" },
];

const openMail = (subject) => [
    ...openLedger,
    { trigger: `${row(subject)} [name=subject]`, run: "click" },
    { trigger: `.o_form_view [name=subject]:contains(${subject})` },
];

const press = (name) => ({ trigger: `button[name=${name}]:enabled`, run: "click" });

/** What a manager does with mail that did not become a case by itself. */
registry.category("web_tour.tours").add("crm_relations_ledger", {
    steps: () => [
        {
            content: "The list tells why",
            trigger: `${row("Poisoned")}:contains(Quarantine):contains(not enough memory)`,
        },
        ...openMail("Poisoned"),
        {
            trigger: ".alert-warning:contains(not enough memory)",
        },
        press("action_replay"),
        { trigger: state("Done") },
        ...openMail("Left out"),
        {
            trigger: ".alert-warning:contains(automatic answer)",
        },
        press("action_make_case"),
        {
            content: "The case opens, and has the mail as it came",
            trigger: ".o_form_view button[name=action_view_intakes]:contains(1)",
            run: "click",
        },
        { trigger: ".o_form_view [name=raw_file]:contains(.eml)" },
        { trigger: state("Done") },
        ...openMail("Belongs elsewhere"),
        press("action_attach_to_case"),
        {
            trigger: ".modal [name=case_id] input",
            run: "edit Hot printer",
        },
        {
            trigger: ".o-autocomplete--dropdown-item:contains(Hot printer)",
            run: "click",
        },
        {
            trigger: ".modal button[name=action_attach]",
            run: "click",
        },
        {
            content: "The case opens",
            trigger: "body:not(:has(.modal)) .o_breadcrumb:contains(Hot printer)",
        },
        ...openMail("Advertising"),
        press("action_ignore"),
        {
            trigger: ".modal [name=reason] input",
            run: "edit Nobody asked for it",
        },
        {
            trigger: ".modal button[name=action_ignore]",
            run: "click",
        },
        { trigger: `body:not(:has(.modal)) ${state("Ignored")}` },
        { trigger: "[name=reason]:contains(Nobody asked for it)" },
        ...openLedger,
        { trigger: ".o_switch_view.o_graph", run: "click" },
        { trigger: ".o_graph_renderer canvas" },
        { trigger: ".o_switch_view.o_pivot", run: "click" },
        { trigger: ".o_pivot th:contains(Ignored)" },
    ],
});

/** Mail that did not arrive: from the figure to the case, and done with. */
registry.category("web_tour.tours").add("crm_relations_undelivered", {
    steps: () => [
        {
            trigger: ".o_kanban_record:contains(Support 1) a:contains(not delivered)",
            run: "click",
        },
        { trigger: `${row("Hot printer")} [name=name]`, run: "click" },
        { trigger: ".alert-warning:contains(jane@acme.example):contains(5.1.1)" },
        press("action_dismiss_undelivered"),
        { trigger: ".o_form_view:not(:has(.alert-warning:visible))" },
    ],
});

/** The screen of the health of mail, and from a card to its mails. */
registry.category("web_tour.tours").add("crm_relations_mail_health", {
    steps: () => [
        {
            trigger:
                ".o_kanban_record:contains(Box):contains(Look at it):contains(In quarantine)",
            run: "click",
        },
        { trigger: row("Poisoned") },
    ],
});
