//! What the data sources of a module read: parameters and secrets.

use serde_json::{Value, json};

use crate::schema::Object;

/// For parameters and secrets by their names, and the keys that decrypt them.
pub(super) fn of(sources: &[&Object], region: &str) -> Vec<Value> {
    let of = |kind: &str| {
        let of_kind = sources.iter().filter(move |block| block.block.kind == Some(kind));
        of_kind
            .filter_map(|block| Some(block.text("name")?.to_owned()))
            .collect::<Vec<_>>()
    };
    let (parameters, secrets) = (of("parameter"), of("secret"));
    let mut statements = Vec::new();
    if !parameters.is_empty() {
        let all: Vec<String> = parameters.iter().map(|name| parameter(region, name)).collect();
        statements.push(allow("ReadParameters", json!("ssm:GetParameter"), json!(all)));
    }
    if !secrets.is_empty() {
        let all: Vec<String> = secrets.iter().map(|name| secret(region, name)).collect();
        statements.push(allow("ReadSecrets", json!("secretsmanager:GetSecretValue"), json!(all)));
    }
    let services = [("ssm", &parameters), ("secretsmanager", &secrets)];
    let services = services.into_iter().filter(|(_, names)| !names.is_empty());
    let through: Vec<String> = services
        .map(|(service, _)| format!("{service}.{region}.amazonaws.com"))
        .collect();
    if !through.is_empty() {
        let mut decrypt = allow("DecryptWhatIsRead", json!("kms:Decrypt"), json!("*"));
        decrypt["Condition"] = json!({ "StringLike": { "kms:ViaService": through } });
        statements.push(decrypt);
    }
    statements
}

fn allow(id: &str, action: Value, resource: Value) -> Value {
    json!({ "Sid": id, "Effect": "Allow", "Action": action, "Resource": resource })
}

/// In the ARN of a parameter the slash before its name is that behind the word.
fn parameter(region: &str, name: &str) -> String {
    match name.starts_with("arn:") {
        true => name.to_owned(),
        false => format!("arn:aws:ssm:{region}:*:parameter/{}", name.trim_start_matches('/')),
    }
}

/// The ARN of a secret ends in six characters that nobody can know before it is made.
fn secret(region: &str, name: &str) -> String {
    match name.starts_with("arn:") {
        true => format!("{name}*"),
        false => format!("arn:aws:secretsmanager:{region}:*:secret:{name}-??????"),
    }
}
