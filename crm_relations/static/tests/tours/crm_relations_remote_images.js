import { registry } from "@web/core/registry";

// Odoo shows a mail's text in a tree of its own
const BODY = ".o-mail-Chatter .o-mail-Message .overflow-x-auto:shadow";

function isAsked() {
    return performance
        .getEntriesByType("resource")
        .some((entry) => entry.name.startsWith("http://localhost"));
}

/** Who opens a case asks nobody elsewhere; who clicks does. */
registry.category("web_tour.tours").add("crm_relations_remote_images", {
    steps: () => [
        {
            content: "The description shows a link",
            trigger: ".o_field_widget[name=description] a.o_crm_remote_image",
        },
        {
            content: "Nothing was asked for",
            trigger: `${BODY} a.o_crm_remote_image:contains(Image: Logo)`,
            run: () => {
                if (isAsked()) {
                    throw new Error("the image was loaded without a click");
                }
            },
        },
        {
            trigger: `${BODY} .o_crm_remote_images button`,
            run: "click",
        },
        {
            content: "Elsewhere is asked, and not told by whom",
            trigger: `${BODY} img[alt='Image: Logo']`,
            run: async ({ anchor }) => {
                if (anchor.referrerPolicy !== "no-referrer") {
                    throw new Error("the image's server would learn of this one");
                }
                // the test's browser is kept from going there: asking is enough
                await anchor.decode().catch(() => {});
                if (!isAsked()) {
                    throw new Error("the image was not loaded from elsewhere");
                }
            },
        },
        {
            trigger: `${BODY} :not(:has(.o_crm_remote_images)):contains(Yours)`,
        },
        {
            content: "The description stays as it is, it would be stored",
            trigger: ".o_field_widget[name=description]:not(:has(img))",
        },
    ],
});
