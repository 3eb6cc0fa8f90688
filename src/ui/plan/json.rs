//! A plan as JSON. The skeleton is that of `terraform show -json`, so that tools which read one read most of the other:
//! `resource_changes[].change.{actions, before, after, after_unknown, before_sensitive, after_sensitive}` and
//! `action_reason`; what only images have stands beside it. Secrets are in no part of it.

use serde_json::{Map, Value as Json, json};

use crate::plan::{Action, Cause, ImagePlan, Plan, Release};
use crate::schema::{Recorded, RecordedArgument};
use crate::ui::json::{FORMAT, pretty};

/// The document, with a line end.
pub fn json(plan: &Plan) -> String {
    let images: Vec<Json> = plan.images.iter().map(resource).collect();
    let outputs: Map<String, Json> = plan
        .outputs
        .iter()
        .map(|(name, output)| {
            let (value, sensitive) = (&output.value, output.value.contains_sensitive());
            let shown = if sensitive { Json::Null } else { value.to_json() };
            let unknown = !sensitive && !value.is_wholly_known();
            (
                name.clone(),
                json!({ "value": shown, "sensitive": sensitive, "unknown": unknown }),
            )
        })
        .collect();
    pretty(&json!({
        "format_version": FORMAT,
        "bake_version": plan.bake,
        "mode": plan.mode,
        "project": plan.owner.project,
        "workspace": plan.owner.workspace,
        "applyable": !plan.is_empty(),
        "resource_changes": images,
        "outputs": outputs,
        "summary": plan.summary(),
        "temporary": plan.temporary(),
        "warnings": plan.warnings,
    }))
}

fn resource(image: &ImagePlan) -> Json {
    let (before, after) = (image.before.as_ref(), image.after.as_ref());
    json!({
        "address": image.address,
        "type": "image",
        "name": image.address.name,
        "index": image.address.key,
        "provider": image.provider.to_string(),
        "action": image.action,
        "action_reason": image.causes.first().map(reason),
        "change": {
            "actions": actions(image.action, before.is_some()),
            "before": before.map(release),
            "after": after.map(release),
            "after_unknown": after.map(|one| marked(&one.spec, &|one| one.after.is_some())),
            "before_sensitive": before.map(|one| marked(&one.spec, &|one| one.sensitive)),
            "after_sensitive": after.map(|one| marked(&one.spec, &|one| one.sensitive)),
            "replace_paths": image.changes.iter().filter(|one| one.class.is_content()).map(|one| &one.path).collect::<Vec<_>>(),
        },
        "causes": image.causes,
        "changes": image.changes,
        "steps": image.steps,
        "retire": image.retire,
        "moved_from": image.moved_from,
        "estimate": image.estimate,
    })
}

/// Terraform's words for what happens.
fn actions(action: Action, stands: bool) -> Vec<&'static str> {
    match action {
        Action::Build => vec!["create"],
        Action::Register if !stands => vec!["create"],
        Action::Replace | Action::Register => vec!["create", "delete"],
        Action::Update | Action::Promote => vec!["update"],
        Action::Destroy => vec!["delete"],
        Action::None => vec!["no-op"],
    }
}

fn reason(cause: &Cause) -> &'static str {
    match cause {
        Cause::New => "create_because_none_stands",
        Cause::Content { .. } => "rebuild_because_input_changed",
        Cause::Base { .. } => "rebuild_because_base_changed",
        Cause::Registration { .. } => "register_because_argument_changed",
        Cause::Argument { .. } => "update_because_argument_changed",
        Cause::Drift { .. } => "update_because_drifted",
        Cause::Requested => "rebuild_by_request",
        Cause::TooOld { .. } => "rebuild_because_too_old",
        Cause::Damaged => "rebuild_because_snapshot_damaged",
        Cause::Triggered => "rebuild_by_triggers",
        Cause::Recipe { .. } => "rebuild_because_recipe_changed",
        Cause::SnapshotStands => "register_because_snapshot_stands",
        Cause::ReleaseStands { .. } => "promote_because_release_stands",
        Cause::NotInModule => "delete_because_no_resource_config",
        Cause::DestroyRequested => "delete_by_request",
        Cause::Moved { .. } => "update_because_moved",
    }
}

fn release(release: &Release) -> Json {
    let mut fields = object(&release.spec, &|argument| argument.value.clone());
    fields.insert("id".into(), json!(release.id));
    fields.insert("name".into(), json!(release.name));
    fields.insert("release".into(), json!(release.number));
    fields.insert("digest".into(), json!(release.digest));
    Json::Object(fields)
}

/// `true` for each argument that something holds of, in the form of the block.
fn marked(spec: &Recorded, holds: &dyn Fn(&RecordedArgument) -> bool) -> Json {
    Json::Object(object(spec, &|argument| holds(argument).then_some(Json::Bool(true))))
}

fn object(spec: &Recorded, field: &dyn Fn(&RecordedArgument) -> Option<Json>) -> Map<String, Json> {
    let own = spec
        .arguments
        .iter()
        .filter_map(|(name, argument)| Some((name.clone(), field(argument)?)));
    let mut fields: Map<String, Json> = own.collect();
    for block in &spec.blocks {
        let mut inner = object(&block.content, field);
        if !block.content.labels.is_empty() || block.kind.is_some() {
            inner.insert(
                "labels".into(),
                json!(block.kind.iter().chain(&block.content.labels).collect::<Vec<_>>()),
            );
        }
        if let Json::Array(all) = fields.entry(block.name.clone()).or_insert_with(|| json!([])) {
            all.push(Json::Object(inner));
        }
    }
    fields
}
