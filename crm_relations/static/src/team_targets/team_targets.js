import { Component } from "@odoo/owl";
import { useService } from "@web/core/utils/hooks";
import { teamParts } from "@crm_relations/team_page/team_page";

const COLORS = {
    reached: "text-bg-success",
    on_track: "text-bg-success",
    behind: "text-bg-warning",
    missed: "text-bg-danger",
};

/** The targets that run now, on the team's page. */
export class TeamTargets extends Component {
    static template = "crm_relations.TeamTargets";
    static props = { figures: Array, page: Object, open: Function };

    setup() {
        this.action = useService("action");
        this.orm = useService("orm");
    }

    color(target) {
        return COLORS[target.state] || "text-bg-secondary";
    }

    width(target) {
        return Math.min(Math.round(target.progress), 100);
    }

    async openTarget(target) {
        this.action.doAction(
            await this.orm.call("crm.case.target", "action_view_records", [target.id]),
        );
    }
}

teamParts.add("targets", { Component: TeamTargets, key: "targets" });
