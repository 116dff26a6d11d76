import { Component, markup, onWillStart, useState } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { DateTimeInput } from "@web/core/datetime/datetime_input";
import { useHotkey } from "@web/core/hotkeys/hotkey_hook";
import {
    deserializeDateTime,
    formatDateTime,
    serializeDateTime,
} from "@web/core/l10n/dates";
import { localization } from "@web/core/l10n/localization";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { Mutex } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";

const { DateTime } = luxon;
const STAY = "crm_relations.call_desk.stay";

/**
 * An operator's desk: who is in hand, what is known, and what came of the call. Hands
 * can stay on the keyboard; the questions are asked in the dialog of the questionnaire.
 */
export class CallDesk extends Component {
    static template = "crm_relations.CallDesk";
    static components = { DateTimeInput, Layout };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.notification = useService("notification");
        this.mutex = new Mutex();
        this.campaignId = this.props.action.context.campaign_id || false;
        this.state = useState({
            desk: null,
            panel: "",
            note: "",
            date: this.tomorrow,
            doNotCall: false,
            asked: false,
            goOn: !browser.localStorage.getItem(STAY),
        });
        this.results = {
            done: _t("Answered"),
            again: _t("Call again"),
            missed: _t("Not reached"),
            refused: _t("Refused"),
        };
        const keys = {
            a: () => this.ask(),
            n: () => this.missed(),
            c: () => this.show("again"),
            r: () => this.show("refuse"),
            h: () => this.handBack(),
        };
        for (const [key, gesture] of Object.entries(keys)) {
            useHotkey(key, () => this.call && this.run(gesture));
        }
        useHotkey("enter", () => !this.call && this.run(() => this.next()));
        useHotkey("escape", () => this.close(), { bypassEditableProtection: true });
        useHotkey("control+enter", () => this.run(() => this.confirm()), {
            bypassEditableProtection: true,
        });
        onWillStart(() => this.load("get_desk"));
    }

    get call() {
        return this.state.desk.call;
    }

    get figures() {
        return this.call.figures || [];
    }

    get opening() {
        return markup(this.call.opening);
    }

    get phoneLink() {
        return `tel:${this.call.phone.replace(/[^+0-9]/g, "")}`;
    }

    /** Nobody promises to the second. */
    get dateFormat() {
        return localization.dateTimeFormat.replace(":ss", "");
    }

    get tomorrow() {
        return DateTime.local().plus({ days: 1 }).set({ second: 0, millisecond: 0 });
    }

    get waitingUntil() {
        return this.formatDate(this.state.desk.waiting.date);
    }

    /** The time of day where the partner is, if that is not here. */
    get localTime() {
        const there = this.call.tz && DateTime.local().setZone(this.call.tz);
        return there && there.isValid && there.offset !== DateTime.local().offset
            ? there.toLocaleString(DateTime.TIME_SIMPLE)
            : "";
    }

    formatDate(date) {
        const format = this.dateFormat;
        return date ? formatDateTime(deserializeDateTime(date), { format }) : "";
    }

    /** Do one thing after the other, whatever is typed meanwhile. */
    run(gesture) {
        return this.mutex.exec(gesture);
    }

    async load(method) {
        const desk = await this.orm.call("crm.profiling.call", method, [
            this.campaignId,
        ]);
        // keys are gestures for the next partner, no longer letters of a note
        document.activeElement?.blur();
        Object.assign(this.state, {
            desk,
            asked: method === "take_next",
            panel: "",
            note: "",
            doNotCall: false,
            date: this.tomorrow,
        });
    }

    next() {
        return this.load("take_next");
    }

    choose(ev) {
        this.campaignId = Number(ev.target.value) || false;
        return this.run(() => this.load("get_desk"));
    }

    toggleGoOn() {
        this.state.goOn = !this.state.goOn;
        if (this.state.goOn) {
            browser.localStorage.removeItem(STAY);
        } else {
            browser.localStorage.setItem(STAY, "1");
        }
    }

    show(panel) {
        this.state.panel = panel;
    }

    later(duration) {
        this.state.date = DateTime.local().plus(duration).set({ millisecond: 0 });
    }

    close() {
        this.state.panel = "";
    }

    /** Tell the server what came of it, then go on with the next one. */
    async tell(method, ...args) {
        try {
            await this.orm.call("crm.profiling.call", method, [
                [this.call.id],
                ...args,
            ]);
        } catch (error) {
            // somebody else has the partner by now, or the date is past: show how it is
            const { note, panel } = this.state;
            await this.load("get_desk");
            Object.assign(this.state, this.call ? { note, panel } : {});
            throw error;
        }
        await this.load(this.state.goOn ? "take_next" : "get_desk");
    }

    async ask() {
        const { id } = this.call;
        const action = await this.orm.call("crm.profiling.call", "action_ask", [
            [id],
            this.state.note,
        ]);
        await this.action.doAction(action, {
            onClose: () => this.run(() => this.asked(id)),
        });
    }

    /** After the questions: the call is done, unless they were broken off. */
    async asked(id) {
        const { note } = this.state;
        await this.load("get_desk");
        if (this.call?.id === id) {
            this.state.note = note;
        } else if (this.state.goOn) {
            await this.next();
        }
    }

    missed() {
        return this.tell("action_missed", this.state.note);
    }

    handBack() {
        return this.tell("action_hand_back", this.state.note);
    }

    confirm() {
        const { panel, note, date, doNotCall } = this.state;
        if (panel === "again") {
            return this.tell("action_again", date && serializeDateTime(date), note);
        }
        if (panel === "refuse") {
            return this.tell("action_refuse", note, doNotCall);
        }
        return undefined;
    }

    /** Open what is behind a figure of the relation card. */
    async open(figure) {
        const args = [[this.call.partner_id]];
        this.action.doAction(await this.orm.call("res.partner", figure.action, args));
    }

    openPartner() {
        this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "res.partner",
            res_id: this.call.partner_id,
            views: [[false, "form"]],
        });
    }
}

registry.category("actions").add("crm_relations.call_desk", CallDesk);
