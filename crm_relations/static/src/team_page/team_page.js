import { Component, onMounted, onWillStart, onWillUnmount, useState } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { deserializeDateTime, formatDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { KeepLast } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { sprintf } from "@web/core/utils/strings";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { Chart } from "@crm_relations/chart/chart";
import {
    enlarge,
    getFlowConfig,
    getOpenConfig,
    getSteps,
} from "../backlog/backlog_charts";
import { useRefresh } from "./refresh";

const MODEL = "crm.case.section";
const REMEMBERED = "crm_relations.team_section";
const SECONDS = 30; // between two looks of the big screen
const SCREEN_LETTER = 0.021; // of the big screen's height, in charts
const HOURS_IN_DAYS = 48; // from which on hours are told as days

/**
 * Parts that other addons put under the figures of now. An entry is
 * `{ Component, key }`: it is shown with `{ figures, page, open }` when the server's
 * `_get_team_figures` has given something under `key`.
 */
export const teamParts = registry.category("crm_relations.team_parts");

/** Tell hours as people do. */
export function formatHours(hours) {
    if (hours < 1) {
        return sprintf(_t("%s min"), Math.round(hours * 60));
    }
    const isLong = hours >= HOURS_IN_DAYS;
    const value = (isLong ? hours / 24 : hours).toLocaleString(undefined, {
        maximumFractionDigits: 1,
    });
    return sprintf(isLong ? _t("%s days") : _t("%s h"), value);
}

/**
 * One section's page for those who work there: what is before them now, this week
 * against last, who is on what, and what waits longest. On a big screen on the wall
 * it fills the screen and keeps itself up to date.
 */
export class TeamPage extends Component {
    static template = "crm_relations.TeamPage";
    static components = { Chart, Layout };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.ui = useService("ui");
        this.last = new KeepLast();
        const { context, params } = this.props.action;
        const { big, seconds } = params || {};
        this.isBig = Boolean(big);
        this.display = this.isBig ? {} : { controlPanel: {} };
        this.state = useState({ page: null });
        this.wanted =
            context.active_id ||
            Number(browser.localStorage.getItem(REMEMBERED)) ||
            false;
        this.refresh = useRefresh(
            () => this.load(),
            this.isBig ? seconds || SECONDS : 0,
        );
        onWillStart(() => this.load());
        onMounted(() => this.remember());
        if (this.isBig) {
            this.keepAwake();
        }
    }

    // ------------------------------------------------------------
    // DATA
    // ------------------------------------------------------------

    get page() {
        return this.state.page;
    }

    async load() {
        const page = await this.last.add(
            this.orm.silent.call(MODEL, "get_team_page", [this.wanted]),
        );
        if (page.section) {
            const steps = getSteps(page.chart.days);
            this.steps = steps;
            this.configs = {
                open: getOpenConfig(steps, page.chart.open),
                flow: getFlowConfig(steps, page.chart.opened, page.chart.closed),
            };
            if (this.isBig) {
                const size = Math.round(window.innerHeight * SCREEN_LETTER);
                Object.values(this.configs).forEach((config) => enlarge(config, size));
            }
        }
        this.state.page = page;
    }

    async choose(sectionId) {
        this.wanted = sectionId;
        await this.load();
        this.remember();
    }

    /** Let the address, and the next visit, be about this section. */
    remember() {
        const { section } = this.page;
        if (section) {
            browser.localStorage.setItem(REMEMBERED, section.id);
            this.props.updateActionState({ active_id: section.id });
        }
    }

    get parts() {
        return teamParts
            .getEntries()
            .map(([name, part]) => ({ name, ...part, figures: this.page[part.key] }))
            .filter((part) => part.figures);
    }

    // ------------------------------------------------------------
    // WORDS
    // ------------------------------------------------------------

    format(value, unit) {
        if (value === null || value === false) {
            return "–";
        }
        return (
            (unit === "hours" && formatHours(value)) ||
            (unit === "percent" && `${Math.round(value)} %`) ||
            value.toLocaleString()
        );
    }

    /** Say how this week does against last: by an arrow, a colour and a word. */
    compare({ value, former, better }) {
        const numbers = [value, former].map((one) => (one === false ? null : one));
        if (numbers.includes(null) || value === former) {
            return { icon: "fa-minus", color: "text-muted", word: "" };
        }
        const isMore = value > former;
        const icon = isMore ? "fa-arrow-up" : "fa-arrow-down";
        if (!better) {
            return {
                icon,
                color: "text-muted",
                word: isMore ? _t("more") : _t("fewer"),
            };
        }
        return (better === "more") === isMore
            ? { icon, color: "text-success", word: _t("better") }
            : { icon, color: "text-danger", word: _t("worse") };
    }

    since(date) {
        return date ? deserializeDateTime(date).toRelative() : "";
    }

    at(date) {
        return date ? formatDateTime(deserializeDateTime(date)) : "";
    }

    get age() {
        const { age } = this.refresh;
        return age < 60
            ? sprintf(_t("%s s old"), age)
            : sprintf(_t("%s min old"), Math.floor(age / 60));
    }

    mood({ key, value }) {
        const moods = { late: "danger", at_risk: "warning", unassigned: "info" };
        return value && moods[key] ? `text-${moods[key]}` : "";
    }

    share({ open, capacity }) {
        const most = Math.max(...this.page.members.map((member) => member.open), 1);
        return Math.min((100 * open) / (capacity || most), 100);
    }

    // ------------------------------------------------------------
    // GESTURES
    // ------------------------------------------------------------

    async open(key, userId = null) {
        const args = [[this.page.section.id], key, userId];
        this.action.doAction(
            await this.orm.call(MODEL, "action_view_team_figure", args),
        );
    }

    openCase(caseId) {
        this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "crm.case",
            res_id: caseId,
            views: [[false, "form"]],
        });
    }

    async openDay(kind, { index }) {
        const { days } = this.page.chart;
        const { first, last } = this.steps[index];
        const scope = { section_id: this.page.section.id };
        const args = [kind, days[first], days[last], scope];
        this.action.doAction(
            await this.orm.call("crm.case.backlog", "action_view_cases", args),
        );
    }

    openBacklog() {
        this.action.doAction("crm_relations.crm_case_backlog_action_screen", {
            props: { state: { sectionId: this.page.section.id } },
        });
    }

    openScreen() {
        // refused by some browsers, and where there is no screen to fill
        document.documentElement.requestFullscreen?.().catch(() => {});
        this.switchTo("crm_relations.crm_case_section_action_team_screen");
    }

    leaveScreen() {
        if (document.fullscreenElement) {
            document.exitFullscreen();
        }
        this.switchTo("crm_relations.crm_case_section_action_team");
    }

    switchTo(action) {
        this.action.doAction(action, {
            clearBreadcrumbs: true,
            additionalContext: { active_id: this.page.section.id },
        });
    }

    /** A screen on the wall must not go dark; where that cannot be asked, it may. */
    keepAwake() {
        let lock = null;
        const ask = async () => {
            try {
                lock = await navigator.wakeLock?.request("screen");
            } catch {
                lock = null;
            }
        };
        onMounted(ask);
        onWillUnmount(() => lock?.release());
    }
}

registry.category("actions").add("crm_relations.team_page", TeamPage);
