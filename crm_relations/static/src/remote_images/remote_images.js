import { Message } from "@mail/core/common/message";
import { patch } from "@web/core/utils/patch";
import { renderToElement } from "@web/core/utils/render";

// what tools/mail_shown.py leaves in place of an image
const MARKS = ".o_crm_remote_image";

// messages whose images were asked for; a message is drawn several times
const loadedIds = new Set();

/**
 * Tell whether an image is really elsewhere: an address of this server would be
 * asked with the reader's own session.
 *
 * @param {string} address
 * @returns {boolean}
 */
function isElsewhere(address) {
    if (!URL.canParse(address)) {
        return false;
    }
    const { host, protocol } = new URL(address);
    return ["http:", "https:"].includes(protocol) && host !== window.location.host;
}

/**
 * A mark is a link to the image, unless it stands within another link.
 *
 * @param {HTMLElement} mark
 * @returns {string}
 */
function getAddress(mark) {
    return mark.dataset.originalSrc || mark.getAttribute("href") || "";
}

/**
 * @param {HTMLElement} mark
 * @returns {HTMLImageElement}
 */
function createImage(mark) {
    const image = document.createElement("img");
    // before the address: whoever serves the image need not know this server's
    image.referrerPolicy = "no-referrer";
    image.alt = mark.textContent;
    for (const side of ["width", "height"]) {
        if (mark.dataset[side]) {
            image[side] = mark.dataset[side];
        }
    }
    image.style.maxWidth = "100%";
    if (mark.dataset.width) {
        image.style.height = "auto";
    }
    image.src = getAddress(mark);
    return image;
}

/**
 * @param {HTMLElement} bodyEl
 */
function loadImages(bodyEl) {
    bodyEl.querySelector(".o_crm_remote_images")?.remove();
    for (const mark of bodyEl.querySelectorAll(MARKS)) {
        if (isElsewhere(getAddress(mark))) {
            mark.replaceWith(createImage(mark));
        }
    }
}

patch(Message.prototype, {
    /**
     * @override
     * @param {HTMLElement} bodyEl
     */
    prepareMessageBody(bodyEl) {
        super.prepareMessageBody(...arguments);
        if (bodyEl?.querySelector(MARKS)) {
            this.offerRemoteImages(bodyEl);
        }
    },

    /**
     * Let a click on an image, or on the line above all of them, load them in place.
     *
     * @param {HTMLElement} bodyEl
     */
    offerRemoteImages(bodyEl) {
        const messageId = this.message.id;
        const load = (ev) => {
            ev.preventDefault();
            ev.stopPropagation();
            loadedIds.add(messageId);
            loadImages(bodyEl);
        };
        if (loadedIds.has(messageId)) {
            loadImages(bodyEl);
            return;
        }
        const marks = [...bodyEl.querySelectorAll(MARKS)];
        for (const mark of marks) {
            mark.style.cursor = "pointer";
            mark.addEventListener("click", load);
        }
        bodyEl.querySelector(".o_crm_remote_images")?.remove();
        // those in quoted text are folded away
        if (marks.some((mark) => !mark.closest("[data-o-mail-quote]"))) {
            const line = renderToElement("crm_relations.RemoteImages");
            line.querySelector("button").addEventListener("click", load);
            bodyEl.prepend(line);
        }
    },
});
