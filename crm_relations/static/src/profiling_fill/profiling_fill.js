import {
    Component,
    onMounted,
    onPatched,
    onWillStart,
    useExternalListener,
    useRef,
    useState,
} from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { Mutex } from "@web/core/utils/concurrency";
import { useService } from "@web/core/utils/hooks";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";

/**
 * Asks one question at a time; hands can stay on the keyboard: digits choose, Enter
 * goes on, Backspace goes back, S saves what there is. Keys typed while the server
 * thinks are not lost: each waits for the one before.
 */
export class ProfilingFill extends Component {
    static template = "crm_relations.ProfilingFill";
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.notification = useService("notification");
        this.mutex = new Mutex();
        this.root = useRef("root");
        this.fillId = null;
        this.state = useState({ step: null, chosen: [], touched: false });
        useExternalListener(window, "keydown", (ev) => this.onKeydown(ev), {
            capture: true,
        });
        onWillStart(async () => {
            if (this.questionnaires.length === 1) {
                await this.begin(this.questionnaires[0].id);
            }
        });
        const focus = () => {
            if (!this.root.el.contains(document.activeElement)) {
                this.root.el.focus();
            }
        };
        onMounted(() => this.root.el.focus());
        onPatched(focus);
    }

    get questionnaires() {
        return this.props.action.params.questionnaires;
    }

    get question() {
        return this.state.step && this.state.step.question;
    }

    get options() {
        return this.state.step ? this.question?.answers || [] : this.questionnaires;
    }

    stateLabel(state) {
        return { certain: _t("certain"), possible: _t("possible"), excluded: _t("no") }[
            state
        ];
    }

    show(step) {
        this.state.step = step;
        this.state.chosen = step.question ? step.question.chosen : [];
        this.state.touched = false;
    }

    async begin(questionnaireId) {
        [this.fillId] = await this.orm.create("crm.profiling.fill", [
            {
                partner_id: this.props.action.params.partner_id,
                questionnaire_id: questionnaireId,
                call_id: this.props.action.params.call_id || false,
                call_note: this.props.action.params.call_note || false,
            },
        ]);
        this.show(await this.call("get_step"));
    }

    call(method, ...args) {
        return this.orm.call("crm.profiling.fill", method, [this.fillId, ...args]);
    }

    onKeydown(ev) {
        if (ev.ctrlKey || ev.altKey || ev.metaKey || ev.isComposing) {
            return;
        }
        const gesture = this.findGesture(ev);
        if (gesture) {
            ev.preventDefault();
            ev.stopPropagation();
            this.mutex.exec(gesture);
        }
    }

    findGesture(ev) {
        const key = ev.key.toLowerCase();
        if (/^[1-9]$/.test(key)) {
            return () => this.choose(Number(key) - 1);
        }
        // a button that has the focus is pressed, as everywhere
        if (key === "enter" && !ev.target.closest?.(".o_crm_profiling_fill_buttons")) {
            return () => this.next();
        }
        if (this.fillId && (key === "backspace" || key === "arrowleft")) {
            return () => this.back();
        }
        if (this.fillId && key === "s") {
            return () => this.save();
        }
        return null;
    }

    async choose(index) {
        const option = this.options[index];
        if (!option) {
            return;
        }
        if (!this.state.step) {
            await this.begin(option.id);
            return;
        }
        const { chosen } = this.state;
        if (this.question.kind === "single") {
            this.state.chosen = [option.id];
        } else if (chosen.includes(option.id)) {
            this.state.chosen = chosen.filter((id) => id !== option.id);
        } else {
            this.state.chosen = [...chosen, option.id];
        }
        this.state.touched = true;
    }

    async next() {
        if (this.question) {
            const chosen = this.state.touched ? [...this.state.chosen] : false;
            this.show(await this.call("action_answer", this.question.id, chosen));
        } else if (this.state.step) {
            await this.save();
        }
    }

    async back() {
        this.show(await this.call("action_back"));
    }

    async save() {
        if (this.question && this.state.touched) {
            await this.call("action_answer", this.question.id, [...this.state.chosen]);
        }
        const step = await this.call("action_save");
        const certain = step.outcome.filter((item) => item.state === "certain");
        this.notification.add(
            certain.length
                ? certain.map((item) => item.name).join(", ")
                : _t("Answers saved"),
            { type: "success" },
        );
        await this.action.doAction({ type: "ir.actions.act_window_close" });
    }

    onChoose(index) {
        this.mutex.exec(() => this.choose(index));
    }

    onNext() {
        this.mutex.exec(() => this.next());
    }

    onBack() {
        this.mutex.exec(() => this.back());
    }

    onSave() {
        this.mutex.exec(() => this.save());
    }
}

registry.category("actions").add("crm_relations.profiling_fill", ProfilingFill);
