import { registry } from "@web/core/registry";

const press = (content, trigger, key) => ({ content, trigger, run: `press ${key}` });
const partner = (name) => `.o_crm_call_name:contains(${name})`;
const today = (result, count) =>
    `.o_crm_call_today [data-result=${result}]:contains(${count})`;

/** A morning of calls, hands on the keyboard: answered, missed, again, refused. */
registry.category("web_tour.tours").add("crm_relations_call_desk", {
    steps: () => [
        press("the first one", ".o_crm_call_nobody:contains(4 partners)", "Enter"),
        press("ask Jane", partner("Jane"), "a"),
        press(
            "she is a journalist",
            ".o_crm_profiling_question:contains(journalist)",
            "1",
        ),
        press("go on", ".o_crm_profiling_option.btn-primary:contains(yes)", "Enter"),
        press("save", ".o_crm_profiling_end:contains(1 answers)", "Enter"),
        { content: "it counts", trigger: today("done", 1) },
        press("nobody answers at Bob's", partner("Bob"), "n"),
        { content: "it counts", trigger: today("missed", 1) },
        press("Walter has no time now", partner("Walter"), "c"),
        {
            content: "a note",
            trigger: ".o_crm_call_panel:contains(Call again at)",
        },
        {
            content: "keys write into the note, they do nothing else",
            trigger: ".o_crm_call_note",
            run: "edit No time, asks for a call tomorrow",
        },
        press("promise it", ".o_crm_call_note", "Control+Enter"),
        { content: "it counts", trigger: today("again", 1) },
        press("Rosa does not want to", partner("Rosa"), "r"),
        {
            content: "and never again",
            trigger: ".o_crm_call_panel input[type=checkbox]",
            run: "check",
        },
        {
            content: "confirm",
            trigger: ".o_crm_call_confirm",
            run: "click",
        },
        { content: "it counts", trigger: today("refused", 1) },
        {
            content: "nobody is due any more",
            trigger: ".o_crm_call_nobody:contains(2 partners):contains(right now)",
        },
        { content: "menu", trigger: "button:contains(Calls)", run: "click" },
        {
            content: "campaigns",
            trigger: "a:contains(Campaigns), .dropdown-item:contains(Campaigns)",
            run: "click",
        },
        {
            content: "how far it is",
            trigger:
                ".o_kanban_record:contains(Spring) [data-state=done]:contains(Answered)",
        },
        {
            content: "open who is to be called again",
            trigger: ".o_kanban_record:contains(Spring) [data-state=again]",
            run: "click",
        },
        {
            content: "it is Walter, and why",
            trigger: ".o_data_row:contains(Walter):contains(asks for a call tomorrow)",
        },
    ],
});
