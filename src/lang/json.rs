//! Values as JSON: for people and programs ([`Value::to_json`]), and written down so that they come back (serde).
//!
//! Written down, texts, bools, tuples and small whole numbers are themselves; everything else is an object of one or
//! two members that says what it is:
//!
//! ```text
//! {"number": "0.1"}                      {"null": TYPE}
//! {"object": {...}}                      {"map": {...}, "of": TYPE}
//! {"list": [...], "of": TYPE}            {"set": [...], "of": TYPE}
//! {"unknown": TYPE, "term": TERM}        {"sensitive": TYPE}
//! ```
//!
//! A sensitive value is never written down: what comes back is an unknown of its type, marked.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use super::number::Number;
use super::term::Term;
use super::types::Type;
use super::value::{Kind, Value};

impl Value {
    /// Plain JSON, as `jsonencode` has it. What is unknown is `null`, and **what is sensitive is shown**: ask
    /// [`Value::contains_sensitive`] first. A number that JSON's doubles cannot hold is a text of its digits.
    pub fn to_json(&self) -> Json {
        match &self.kind {
            Kind::Null(_) | Kind::Unknown(_) => Json::Null,
            Kind::Bool(answer) => (*answer).into(),
            Kind::Number(number) => number_to_json(number),
            Kind::String(text) => Json::from(&**text),
            Kind::List(_, all) | Kind::Set(_, all) | Kind::Tuple(all) => all.iter().map(Value::to_json).collect(),
            Kind::Map(_, all) | Kind::Object(all) => {
                all.iter().map(|(name, one)| (name.clone(), one.to_json())).collect()
            }
        }
    }

    /// The value that plain JSON stands for: arrays are tuples, objects are objects.
    pub fn from_json(json: &Json) -> Value {
        match json {
            Json::Null => Value::null(Type::Any),
            Json::Bool(answer) => (*answer).into(),
            Json::Number(number) => {
                let number = number.to_string().parse::<Number>();
                number.map_or_else(|_| Value::null(Type::Number), Value::from)
            }
            Json::String(text) => text.as_str().into(),
            Json::Array(all) => all.iter().map(Value::from_json).collect::<Vec<_>>().into(),
            Json::Object(all) => all
                .iter()
                .map(|(name, one)| (name.clone(), Value::from_json(one)))
                .collect::<BTreeMap<_, _>>()
                .into(),
        }
    }
}

fn number_to_json(number: &Number) -> Json {
    if let Some(whole) = number.to_i64() {
        return whole.into();
    }
    if let Some(whole) = number.to_u64() {
        return whole.into();
    }
    let text = number.to_string();
    let double: Option<f64> = text.parse().ok();
    let exact = double.filter(|double| double.to_string().parse::<Number>().as_ref() == Ok(number));
    exact
        .and_then(serde_json::Number::from_f64)
        .map_or(Json::String(text), Json::Number)
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Bool(bool),
    Whole(i64),
    Text(String),
    Tuple(Vec<Value>),
    Number { number: String },
    Null { null: Type },
    Object { object: BTreeMap<String, Value> },
    Map { map: BTreeMap<String, Value>, of: Type },
    List { list: Vec<Value>, of: Type },
    Set { set: Vec<Value>, of: Type },
    Unknown { unknown: Type, term: Term },
    Sensitive { sensitive: Type },
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let written = match &self.kind {
            _ if self.sensitive => Written::Sensitive {
                sensitive: without_names(self.type_of()),
            },
            Kind::Bool(answer) => Written::Bool(*answer),
            Kind::Number(number) => match number.to_i64() {
                Some(whole) => Written::Whole(whole),
                None => Written::Number {
                    number: number.to_string(),
                },
            },
            Kind::String(text) => Written::Text(text.to_string()),
            Kind::Tuple(all) => Written::Tuple(all.to_vec()),
            Kind::Null(ty) => Written::Null { null: ty.clone() },
            Kind::Object(all) => Written::Object {
                object: BTreeMap::clone(all),
            },
            Kind::Map(ty, all) => Written::Map {
                map: BTreeMap::clone(all),
                of: ty.clone(),
            },
            Kind::List(ty, all) => Written::List {
                list: all.to_vec(),
                of: ty.clone(),
            },
            Kind::Set(ty, all) => Written::Set {
                set: all.to_vec(),
                of: ty.clone(),
            },
            Kind::Unknown(unknown) => Written::Unknown {
                unknown: unknown.ty.clone(),
                term: unknown.term.clone(),
            },
        };
        written.serialize(to)
    }
}

/// The names of a secret object's attributes may be secrets, too.
fn without_names(ty: Type) -> Type {
    match ty {
        Type::Object(_) => Type::Any,
        Type::List(of) => Type::list(without_names(Type::clone(&of))),
        Type::Set(of) => Type::set(without_names(Type::clone(&of))),
        Type::Map(of) => Type::map(without_names(Type::clone(&of))),
        Type::Tuple(all) => Type::Tuple(all.into_iter().map(without_names).collect()),
        other => other,
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
        Ok(match Written::deserialize(from)? {
            Written::Bool(answer) => answer.into(),
            Written::Whole(whole) => whole.into(),
            Written::Text(text) => text.into(),
            Written::Tuple(all) => all.into(),
            Written::Number { number } => number.parse::<Number>().map_err(D::Error::custom)?.into(),
            Written::Null { null } => Value::null(null),
            Written::Object { object } => object.into(),
            Written::Map { map, of } => Value::map(of, map),
            Written::List { list, of } => Value::list(of, list),
            Written::Set { set, of } => Value::set(of, set),
            Written::Unknown { unknown, term } => Value::unknown(unknown, term),
            Written::Sensitive { sensitive } => Value::unknown(sensitive, Term::Withheld).sensitive(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_comes_back() {
        let term = Term::Output {
            of: "image.web.volume[\"root\"]".parse().unwrap(),
            attribute: "device".into(),
        };
        let all = Value::from(vec![
            "a".into(),
            true.into(),
            (-3_i64).into(),
            "0.1".parse::<Number>().unwrap().into(),
            Value::null(Type::list(Type::list(Type::String))),
            Value::list(Type::Number, vec![1_i64.into()]),
            Value::set(Type::String, vec!["b".into(), "a".into()]),
            Value::map(Type::tuple_of_two(), BTreeMap::new()),
            Value::from(BTreeMap::from([("number".to_owned(), Value::from("1"))])),
            Value::unknown(Type::String, term),
        ]);
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), all, "{text}");
    }

    impl Type {
        fn tuple_of_two() -> Type {
            Type::Tuple(vec![
                Type::Object(BTreeMap::from([("a".into(), Type::Any)])),
                Type::Bool,
            ])
        }
    }

    #[test]
    fn secrets_are_not_written_down() {
        let secret = Value::from(vec![Value::from("hunter2").sensitive()]);
        let text = serde_json::to_string(&secret).unwrap();
        assert_eq!(text, r#"[{"sensitive":"string"}]"#);
        let named = Value::from(BTreeMap::from([("hunter2".to_owned(), true.into())])).sensitive();
        assert_eq!(serde_json::to_string(&named).unwrap(), r#"{"sensitive":"any"}"#);
        let back: Value = serde_json::from_str(&text).unwrap();
        assert!(back.contains_sensitive() && !back.is_wholly_known());
    }
}
