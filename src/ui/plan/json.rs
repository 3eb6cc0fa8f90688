//! A plan as JSON. The skeleton is that of `terraform show -json`, so that tools which read one read most of the other; what
//! only images have stands beside it. `docs/schemas/plan.json` describes it whole. Secrets are in no part of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::page::{Block, Page};
use crate::address::{ImageAddress, ModulePath};
use crate::lang::Value;
use crate::plan::compare::locate;
use crate::plan::{Action, Cause, Change, ImagePlan, Plan, PlannedOutput, Release};
use crate::schema::{Recorded, RecordedArgument};
use crate::ui::json::{FORMAT, line, pretty};

/// The document, with a line end.
pub fn json(plan: &Plan) -> String {
    let page = Page::of(plan);
    let blocks: BTreeMap<&ImageAddress, &Block> = page.images.iter().map(|block| (&block.address, block)).collect();
    let images = plan.images.iter();
    let drifted = plan.images.iter().filter(|image| !image.drift.is_empty());
    pretty(&json!({
        "format_version": FORMAT,
        "bake_version": plan.bake,
        "mode": plan.mode,
        "project": plan.owner.project,
        "workspace": plan.owner.workspace,
        "applyable": !plan.is_empty(),
        "headline": page.head,
        "variables": variables(plan),
        "planned_values": planned_values(plan),
        "resource_changes": images.map(|image| resource(image, blocks.get(&image.address).copied())).collect::<Vec<_>>(),
        "resource_drift": drifted.map(drift).collect::<Vec<_>>(),
        "output_changes": plan.outputs.iter().map(|(name, one)| (name.clone(), output_change(one))).collect::<Map<_, _>>(),
        "outputs": plan.outputs.iter().map(|(name, one)| (name.clone(), output(&one.value))).collect::<Map<_, _>>(),
        "summary": plan.summary(),
        "temporary": plan.temporary(),
        "warnings": plan.warnings,
    }))
}

/// The lines of a stream that say what is planned: one for each image that something happens to, and how many there are.
pub fn events(plan: &Plan) -> Vec<String> {
    let changed = plan.images.iter().filter(|image| image.action != Action::None);
    let planned = changed.map(|image| {
        let fields = json!({
            "type": "planned_change",
            "change": {
                "resource": event_resource(&image.address, &image.provider.to_string()),
                "action": event_action(image),
                "reason": why(image),
            },
        });
        line("info", &super::words::title(image), fields)
    });
    let counts = plan.summary();
    let changes = json!({
        "import": counts.import,
        "add": counts.build + counts.replace + counts.register,
        "change": counts.update,
        "remove": counts.replace + counts.register + counts.destroy,
        "retire": counts.retire,
        "operation": "plan",
    });
    let summary = json!({ "type": "change_summary", "changes": changes });
    let message = format!("Plan: {}", super::head::count(plan));
    planned
        .chain(std::iter::once(line("info", &message, summary)))
        .collect()
}

fn event_resource(address: &ImageAddress, provider: &str) -> Json {
    json!({
        "addr": address,
        "module": address.module.to_string(),
        "resource": address,
        "resource_type": "image",
        "resource_name": address.name,
        "resource_key": address.key,
        "implied_provider": provider,
    })
}

/// Terraform's word for it in a stream.
fn event_action(image: &ImagePlan) -> &'static str {
    match image.action {
        Action::Build => "create",
        Action::Register if image.before.is_none() => "create",
        Action::Replace | Action::Register => "replace",
        Action::Update | Action::Promote => "update",
        Action::Destroy => "delete",
        Action::Import => "import",
        Action::None => "noop",
    }
}

fn variables(plan: &Plan) -> Map<String, Json> {
    let plain = plan
        .inputs
        .variables
        .iter()
        .map(|(name, value)| (name.clone(), json!({ "value": value })));
    let secret = plan.inputs.secrets.iter().map(|(name, revision)| {
        let field = json!({ "sensitive": true, "revision": revision });
        (name.clone(), field)
    });
    plain.chain(secret).collect()
}

/// Says in which module an image stands; nothing of that for which bake was started, as terraform has it.
fn in_module(image: &ImagePlan, mut said: Json) -> Json {
    if !image.address.module.is_root() {
        said["module_address"] = json!(image.address.module.to_string());
    }
    said
}

fn planned_values(plan: &Plan) -> Json {
    let outputs: Map<String, Json> = plan
        .outputs
        .iter()
        .map(|(name, one)| (name.clone(), output(&one.value)))
        .collect();
    json!({ "outputs": outputs, "root_module": planned_module(plan, &ModulePath::default()) })
}

/// The images of a module, and the modules that it calls.
fn planned_module(plan: &Plan, module: &ModulePath) -> Json {
    let resources = plan.images.iter().filter_map(|image| {
        let after = image.after.as_ref().filter(|_| image.address.module == *module)?;
        Some(json!({
            "address": image.address,
            "mode": "managed",
            "type": "image",
            "name": image.address.name,
            "index": image.address.key,
            "provider_name": image.provider.to_string(),
            "values": release(after),
            "sensitive_values": sensitive(Some(after)),
        }))
    });
    let mut said = json!({ "resources": resources.collect::<Vec<_>>() });
    let below: BTreeSet<ModulePath> = plan
        .images
        .iter()
        .filter_map(|image| image.address.module.first_below(module))
        .collect();
    if !below.is_empty() {
        said["child_modules"] = below.iter().map(|below| planned_module(plan, below)).collect();
    }
    if !module.is_root() {
        said["address"] = json!(module.to_string());
    }
    said
}

fn output(value: &Value) -> Json {
    let sensitive = value.contains_sensitive();
    let unknown = !sensitive && !value.is_wholly_known();
    json!({ "value": shown(value), "sensitive": sensitive, "unknown": unknown })
}

fn shown(value: &Value) -> Json {
    match value.contains_sensitive() || !value.is_wholly_known() {
        true => Json::Null,
        false => value.to_json(),
    }
}

fn output_change(output: &PlannedOutput) -> Json {
    let unknown = !output.value.is_wholly_known();
    let actions = match (&output.before, unknown) {
        (Some(_), _) => ["update"],
        (None, true) => ["create"],
        (None, false) => ["no-op"],
    };
    let sensitive = output.value.contains_sensitive();
    let before = match (&output.before, unknown) {
        (None, false) => shown(&output.value),
        (before, _) => before.as_ref().map_or(Json::Null, shown),
    };
    json!({
        "actions": actions,
        "before": before,
        "after": shown(&output.value),
        "after_unknown": !sensitive && unknown,
        "before_sensitive": sensitive,
        "after_sensitive": sensitive,
    })
}

fn resource(image: &ImagePlan, block: Option<&Block>) -> Json {
    let (before, after) = (image.before.as_ref(), image.after.as_ref());
    let title = block.filter(|block| !block.title.is_empty()).map(|block| &block.title);
    let mut said = in_module(
        image,
        json!({
            "address": image.address,
            "previous_address": image.moved_from,
            "mode": "managed",
            "type": "image",
            "name": image.address.name,
            "index": image.address.key,
            "provider_name": image.provider.to_string(),
            "action": image.action,
            "action_reason": why(image),
            "title": title,
            "change": {
                "actions": actions(image),
                "before": before.map(release),
                "after": after.map(release),
                "after_unknown": unknown(after),
                "before_sensitive": sensitive(before),
                "after_sensitive": sensitive(after),
                "replace_paths": replace_paths(image),
            },
            "causes": image.causes,
            "changes": image.changes,
            "steps": image.steps,
            "retire": image.retire,
            "estimate": image.estimate,
        }),
    );
    if let (Action::Import, Some(Cause::Imported { from })) = (image.action, image.causes.first()) {
        said["change"]["importing"] = json!({ "id": from });
    }
    said
}

/// What was changed outside of bake, in the form of a resource change: from what was recorded to what is.
fn drift(image: &ImagePlan) -> Json {
    in_module(
        image,
        json!({
            "address": image.address,
            "mode": "managed",
            "type": "image",
            "name": image.address.name,
            "index": image.address.key,
            "provider_name": image.provider.to_string(),
            "change": {
                "actions": ["update"],
                "before": by_path(&image.drift, |one| one.before.as_ref()),
                "after": by_path(&image.drift, |one| one.after.as_ref()),
            },
            "changes": image.drift,
        }),
    )
}

fn by_path(changes: &[Change], side: impl Fn(&Change) -> Option<&RecordedArgument>) -> Map<String, Json> {
    let value = |one: &Change| {
        side(one)
            .and_then(|argument| argument.value.clone())
            .unwrap_or(Json::Null)
    };
    changes.iter().map(|one| (one.path.clone(), value(one))).collect()
}

/// Terraform's words for what happens.
fn actions(image: &ImagePlan) -> Vec<&'static str> {
    match image.action {
        Action::Build => vec!["create"],
        Action::Register if image.before.is_none() => vec!["create"],
        Action::Replace | Action::Register if image.retire.iter().any(|one| one.first) => vec!["delete", "create"],
        Action::Replace | Action::Register => vec!["create", "delete"],
        Action::Update | Action::Promote => vec!["update"],
        Action::Destroy => vec!["delete"],
        // As Terraform has it: nothing is made of it, and `importing` says where it comes from.
        Action::Import | Action::None => vec!["no-op"],
    }
}

/// Why something happens to an image.
fn why(image: &ImagePlan) -> Option<&'static str> {
    match image.action {
        Action::Import => Some("import_by_request"),
        _ => image.causes.first().map(reason),
    }
}

fn reason(cause: &Cause) -> &'static str {
    match cause {
        Cause::New => "create_because_none_stands",
        Cause::Content { .. } => "rebuild_because_input_changed",
        Cause::Base { .. } => "rebuild_because_base_changed",
        Cause::Registration { .. } => "register_because_argument_changed",
        Cause::Encryption { .. } => "replace_because_encryption_changed",
        Cause::Argument { .. } => "update_because_argument_changed",
        Cause::Drift { .. } => "update_because_drifted",
        Cause::Requested => "replace_by_request",
        Cause::TooOld { .. } => "rebuild_because_too_old",
        Cause::Imported { .. } => "rebuild_because_imported",
        Cause::Damaged => "rebuild_because_snapshot_damaged",
        Cause::Triggered => "replace_by_triggers",
        Cause::Recipe { .. } => "rebuild_because_recipe_changed",
        Cause::SnapshotStands => "register_because_snapshot_stands",
        Cause::ReleaseStands { .. } => "promote_because_release_stands",
        Cause::NotInModule => "delete_because_no_resource_config",
        Cause::DestroyRequested => "delete_by_request",
        Cause::BaseGoes { .. } => "delete_because_base_goes",
        Cause::Moved { .. } => "update_because_moved",
    }
}

/// Where the arguments lie that force a new image, as steps into `change.after`, or of one that is gone into
/// `change.before`.
fn replace_paths(image: &ImagePlan) -> Vec<Vec<Json>> {
    let forcing: Vec<&Change> = image.changes.iter().filter(|one| one.class.is_content()).collect();
    if forcing.is_empty() {
        return Vec::new();
    }
    let places = |release: &Option<Release>| release.as_ref().map(|one| locate(&one.spec)).unwrap_or_default();
    let (before, after) = (places(&image.before), places(&image.after));
    let place = |change: &&Change| after.get(&change.path).or_else(|| before.get(&change.path)).cloned();
    forcing.iter().filter_map(place).collect()
}

fn release(release: &Release) -> Json {
    let mut fields = object(&release.spec, &|argument| argument.value.clone());
    fields.insert("id".into(), json!(release.id));
    fields.insert("name".into(), json!(release.name));
    fields.insert("release".into(), json!(release.number));
    fields.insert("digest".into(), json!(release.digest));
    Json::Object(fields)
}

fn unknown(after: Option<&Release>) -> Json {
    let Some(after) = after else { return json!({}) };
    let mut fields = object(&after.spec, &|one| one.after.is_some().then_some(Json::Bool(true)));
    if after.id.is_none() {
        fields.insert("id".into(), Json::Bool(true));
    }
    Json::Object(fields)
}

/// `true` for each argument that is a secret, in the form of the block.
fn sensitive(release: Option<&Release>) -> Json {
    match release {
        None => Json::Bool(false),
        Some(release) => Json::Object(object(&release.spec, &|one| one.sensitive.then_some(Json::Bool(true)))),
    }
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
