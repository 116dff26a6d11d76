import { registry } from "@web/core/registry";

const press = (question, keys) =>
    keys.map((key, index) => ({
        trigger: `.o_crm_profiling_question:contains(${question})${
            index ? ":visible" : ""
        }`,
        run: `press ${key}`,
    }));

const question = (name, ...keys) => press(name, [...keys, "Enter"]);

/** Six questions, hands on the keyboard; one is gone back to. */
registry.category("web_tour.tours").add("crm_relations_profiling", {
    steps: () => [
        { trigger: ".nav-link[name=profile]", run: "click" },
        { trigger: "button[name=action_fill_questionnaire]", run: "click" },
        { trigger: ".o_crm_profiling_option:contains(Fair)", run: "press 1" },
        ...question("journalist", "2"),
        ...question("sector", "2"),
        {
            trigger: ".o_crm_profiling_question:contains(topics)",
            run: "press Backspace",
        },
        { trigger: ".o_crm_profiling_option.btn-primary:contains(industry)" },
        ...question("sector", "1"),
        ...question("topics", "1", "3"),
        ...question("specification", "1"),
        ...question("budget", "3"),
        ...question("contact", "2"),
        { trigger: ".o_crm_profiling_end:contains(6 answers)", run: "press Enter" },
        { trigger: "body:not(:has(.o_crm_profiling_fill))" },
        { trigger: ".o_field_widget[name=profiling_score]:contains(13)" },
    ],
});
