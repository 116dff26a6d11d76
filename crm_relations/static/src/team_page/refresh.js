import { onMounted, onWillUnmount, useExternalListener, useState } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";

const MAX_FACTOR = 16;
const LOOK_SECONDS = 5; // how often the age of the figures is looked at

/**
 * Load something again and again: not while nobody can see it, at once when somebody
 * can again, and less and less often while the server does not answer.
 *
 * @param {() => Promise} load
 * @param {number} seconds between two loads; 0 is never
 * @returns {{failed: boolean, age: number}} whether the last load failed, and how old
 *     the last good one is, in seconds
 */
export function useRefresh(load, seconds) {
    const state = useState({ failed: false, age: 0 });
    let failures = 0;
    let good = Date.now();
    let timer = null;
    let look = null;

    function plan() {
        browser.clearTimeout(timer);
        if (seconds && !document.hidden) {
            const factor = Math.min(2 ** failures, MAX_FACTOR);
            timer = browser.setTimeout(refresh, seconds * 1000 * factor);
        }
    }

    async function refresh() {
        browser.clearTimeout(timer);
        try {
            await load();
            failures = 0;
            good = Date.now();
        } catch {
            // whatever the reason, a screen on the wall goes on and says how old it is
            failures++;
        }
        state.failed = failures > 0;
        state.age = Math.round((Date.now() - good) / 1000);
        plan();
    }

    onMounted(() => {
        plan();
        if (seconds) {
            look = browser.setInterval(() => {
                state.age = Math.round((Date.now() - good) / 1000);
            }, LOOK_SECONDS * 1000);
        }
    });
    onWillUnmount(() => {
        browser.clearTimeout(timer);
        browser.clearInterval(look);
    });
    useExternalListener(document, "visibilitychange", () => {
        browser.clearTimeout(timer);
        if (seconds && !document.hidden) {
            refresh();
        }
    });
    return state;
}
