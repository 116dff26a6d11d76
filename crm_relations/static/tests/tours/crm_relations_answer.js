import { registry } from "@web/core/registry";

/** The two ways to add to a case: an answer to the customer, a note for ourselves. */
registry.category("web_tour.tours").add("crm_relations_answer", {
    steps: () => [
        {
            trigger: ".o-mail-Chatter-sendMessage",
            run: "click",
        },
        {
            content: "The customer is proposed",
            trigger: ".o-mail-RecipientsInput .o_tag:contains(Jane)",
        },
        {
            content: "So is whoever watches",
            trigger: ".o-mail-RecipientsInput .o_tag:contains(eve@watch.example)",
        },
        {
            trigger: ".o-mail-Composer-input",
            run: "edit We send a new printer",
        },
        {
            trigger: ".o-mail-Composer-send:enabled",
            run: "click",
        },
        {
            trigger: ".o-mail-Message:contains(We send a new printer)",
        },
        {
            trigger: ".o-mail-Chatter-logNote",
            run: "click",
        },
        {
            trigger: ".o-mail-Composer-input",
            run: "edit It is the third one",
        },
        {
            trigger: ".o-mail-Composer-send:enabled",
            run: "click",
        },
        {
            trigger: ".o-mail-Message:contains(It is the third one)",
        },
    ],
});
