import { Component, onWillStart, useState } from "@odoo/owl";
import { serializeDate } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { RecordSelector } from "@web/core/record_selectors/record_selector";
import { registry } from "@web/core/registry";
import { KeepLast } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { useSetupAction } from "@web/search/action_hook";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { Chart } from "@crm_relations/chart/chart";
import {
    getAgeConfig,
    getCumulativeConfig,
    getFlowConfig,
    getOpenConfig,
    getSteps,
} from "./backlog_charts";

const { DateTime } = luxon;
const MODEL = "crm.case.backlog";

/**
 * The backlog over time: what was open at the end of each day, what came and went, how
 * it flows through the states, and how old it is. Every point opens its cases.
 */
export class Backlog extends Component {
    static template = "crm_relations.Backlog";
    static components = { Chart, Layout, RecordSelector };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.last = new KeepLast();
        this.ranges = [
            { days: 30, label: _t("30 days") },
            { days: 90, label: _t("90 days") },
            { days: 365, label: _t("1 year") },
            { days: 1096, label: _t("3 years") },
        ];
        this.stateLabels = {
            draft: _t("Draft"),
            open: _t("Open"),
            pending: _t("Pending"),
            closed: _t("Closed since the first day"),
        };
        // what was chosen is there again when one comes back from a list
        this.wanted = {
            days: 90,
            sectionId: false,
            userId: false,
            ...this.props.state,
        };
        // what is shown: the choice and its figures change together
        this.state = useState({ ...this.wanted, figures: null });
        useSetupAction({ getLocalState: () => ({ ...this.wanted }) });
        onWillStart(() => this.load());
    }

    get scope() {
        return { section_id: this.state.sectionId, user_id: this.state.userId };
    }

    get isEmpty() {
        const { open, opened, closed } = this.state.figures;
        return ![...open, ...opened, ...closed].some(Boolean);
    }

    async choose(values) {
        Object.assign(this.wanted, values);
        await this.load();
    }

    async load() {
        const wanted = { ...this.wanted };
        const today = DateTime.local();
        // the server ends with the company's present day, which may be tomorrow here
        const figures = await this.last.add(
            this.orm.call(MODEL, "get_backlog", [
                serializeDate(today.minus({ days: wanted.days - 1 })),
                serializeDate(today.plus({ days: 1 })),
                { section_id: wanted.sectionId, user_id: wanted.userId },
            ]),
        );
        this.steps = getSteps(figures.days);
        this.configs = {
            open: getOpenConfig(this.steps, figures.open),
            flow: getFlowConfig(this.steps, figures.opened, figures.closed),
            cumulative: getCumulativeConfig(this.steps, figures, this.stateLabels),
            ages: getAgeConfig(figures.ages),
        };
        Object.assign(this.state, wanted, { figures });
    }

    // ------------------------------------------------------------
    // FIGURES
    // ------------------------------------------------------------

    get summary() {
        const { open, opened, closed } = this.state.figures;
        const sum = (values) => values.reduce((total, value) => total + value, 0);
        return [
            { key: "open", label: _t("Open now"), value: open.at(-1) },
            { key: "opened", label: _t("Opened"), value: sum(opened) },
            { key: "closed", label: _t("Closed"), value: sum(closed) },
        ];
    }

    openSummary(key) {
        const { days } = this.state.figures;
        return this.openCases(key, days[0], days.at(-1), this.scope);
    }

    openStep(kind, { index }, scope = this.scope) {
        const { days } = this.state.figures;
        const { first, last } = this.steps[index];
        return this.openCases(kind, days[first], days[last], scope);
    }

    openFlow(point) {
        return this.openStep(point.datasetIndex ? "closed" : "opened", point);
    }

    openBand(point) {
        const state = [null, "pending", "open", "draft"][point.datasetIndex];
        if (state) {
            return this.openStep("open", point, { ...this.scope, state });
        }
        // the band began with the first day
        const { days } = this.state.figures;
        const { last } = this.steps[point.index];
        return this.openCases("closed", days[0], days[last], this.scope);
    }

    async openAge({ index }) {
        this.action.doAction(
            await this.orm.call("crm.case", "action_view_age", [index, this.scope]),
        );
    }

    async openCases(kind, first, last, scope) {
        this.action.doAction(
            await this.orm.call(MODEL, "action_view_cases", [kind, first, last, scope]),
        );
    }
}

registry.category("actions").add("crm_relations.backlog", Backlog);
