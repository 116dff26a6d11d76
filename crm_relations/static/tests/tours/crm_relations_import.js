import { registry } from "@web/core/registry";

/** A spreadsheet with a misspelt answer: columns, preview, decision, result. */
registry.category("web_tour.tours").add("crm_relations_import", {
    steps: () => [
        { trigger: "button[name=action_import_answers]", run: "click" },
        {
            trigger: ".o_field_widget[name=file] input[type=file]:not(:visible)",
            run() {
                const file = new File(
                    [
                        "Name;Mail;sector;topics;Shoes\n" +
                            "Jane;jane@acme.example;services;1;42\n" +
                            "Eve;eve@new.example;servises;mail;40\n" +
                            "Eve;eve@new.example;industry;mail;40\n",
                    ],
                    "fair.csv",
                    { type: "text/csv" },
                );
                const transfer = new DataTransfer();
                transfer.items.add(file);
                this.anchor.files = transfer.files;
                this.anchor.dispatchEvent(new Event("change"));
            },
        },
        {
            trigger: ".o_field_widget[name=file] input:value(fair.csv)",
        },
        { trigger: "button[name=action_read_columns]:contains(Read)", run: "click" },
        {
            trigger:
                ".o_field_widget[name=column_ids] .o_data_row:contains(sector) [name=question_id]:contains(sector)",
        },
        { trigger: ".o_field_widget[name=column_ids] .o_data_row:contains(42)" },
        { trigger: "button[name=action_preview]", run: "click" },
        { trigger: ".alert:contains(Nothing is written yet. 2 rows)" },
        { trigger: "button[name=action_view_rows]:contains(Doubles):contains(1)" },
        {
            trigger:
                ".o_field_widget[name=value_ids] .o_data_row:contains(servises):contains(services)",
        },
        { trigger: "button[name=action_take_nearest]", run: "click" },
        {
            trigger:
                ".o_field_widget[name=value_ids] .o_data_row [name=answer_id]:contains(services)",
        },
        { trigger: "button[name=action_apply]", run: "click" },
        { trigger: ".alert-success:contains(2 rows were imported)" },
        { trigger: "button[name=action_view_rows]:contains(Imported)", run: "click" },
        {
            trigger: ".o_data_row:contains(eve@new.example):contains(Imported)",
        },
    ],
});
