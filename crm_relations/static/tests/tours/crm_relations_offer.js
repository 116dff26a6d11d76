import { registry } from "@web/core/registry";

const ask = (words, ...keys) =>
    [...keys, "Enter"].map((key) => ({
        trigger: `.o_crm_profiling_question:contains(${words})`,
        run: `press ${key}`,
    }));

/** The book's six questions on the phone, hands on the keyboard: a meeting. */
registry.category("web_tour.tours").add("crm_relations_offer", {
    steps: () => [
        { trigger: ".nav-link[name=profile]", run: "click" },
        { trigger: "button[name=action_fill_questionnaire]", run: "click" },
        ...ask("journalist", "2"),
        ...ask("sector", "2"),
        {
            content: "what is decided already is shown while one asks",
            trigger:
                ".o_crm_profiling_outcome li:contains(partner contract):contains(no)",
        },
        ...ask("How many people", "3"),
        ...ask("function", "1"),
        ...ask("specification", "1"),
        ...ask("budget", "3"),
        {
            trigger:
                ".o_crm_profiling_outcome li:contains(Offer a meeting):contains(certain)",
        },
        { trigger: ".o_crm_profiling_end", run: "press Enter" },
        { trigger: "body:not(:has(.o_crm_profiling_fill))" },
        {
            content: "the category is on the partner",
            trigger: ".o_field_widget[name=category_id]:contains(Offer: Meeting)",
        },
        {
            trigger: ".o_field_widget[name=segment_ids]:contains(Offer a meeting)",
        },
    ],
});

const choose = (words, answer) => [
    {
        trigger: `h1:contains(${words})`,
    },
    {
        trigger: `.form-check-label:contains(${answer})`,
        run: "click",
    },
    {
        trigger: "button[type=submit]",
        run: "click",
        expectUnloadPage: true,
    },
];

/** The same by the link in a mail, on a phone, without a login: the hosted service. */
registry.category("web_tour.tours").add("crm_relations_offer_link", {
    steps: () => [
        ...choose("journalist", "No"),
        ...choose("sector", "Trade"),
        ...choose("How many people", "21 to 100"),
        ...choose("function", "IT"),
        ...choose("specification", "Yes"),
        ...choose("budget", "Less than 100k"),
        { trigger: "h1:contains(Thank you)" },
        { trigger: "body:not(:has(form, input))" },
    ],
});

/** A visitor of a stand: who he is, then that he is a consultant without a plan. */
registry.category("web_tour.tours").add("crm_relations_offer_fair", {
    steps: () => [
        { trigger: "input[name=name]", run: "edit Vera Visitor" },
        { trigger: "input[name=email]", run: "edit vera@visit.example" },
        {
            trigger: "button[type=submit]",
            run: "click",
            expectUnloadPage: true,
        },
        ...choose("journalist", "No"),
        ...choose("sector", "Industry"),
        ...choose("How many people", "1 to 20"),
        ...choose("function", "Consultant"),
        ...choose("specification", "No, not yet"),
        { trigger: "h1:contains(Thank you)" },
    ],
});

/** On a phone: the figures of a segment open what they count. */
registry.category("web_tour.tours").add("crm_relations_segment", {
    steps: () => [
        { trigger: ".o_crm_segment_size canvas[aria-label*='1 on ']" },
        {
            trigger:
                ".o_crm_relation_figure[data-figure=joined]:contains(Joined in 30 days):contains(1)",
            run: "click",
        },
        { trigger: ".o_data_row:contains(Walter)" },
    ],
});
