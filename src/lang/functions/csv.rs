//! CSV as Go reads it: quotes only around whole fields, and as many fields in each line as in the first.

use std::collections::{BTreeMap, BTreeSet};

use super::{ANY, Answer, Fault, Function, STRING, takes, text};
use crate::lang::types::Type;
use crate::lang::value::Value;

/// Reading CSV.
pub(super) const TABLE: &[Function] = &[Function::pure(
    "csvdecode",
    "The lines of a CSV text as a list of objects; the first line names the attributes.",
    &[takes("str", STRING)],
    ANY,
    csvdecode,
)];

fn csvdecode(arguments: &[Value]) -> Answer {
    let mut reader = Reader {
        rest: text(arguments, 0),
        line: 1,
    };
    let wrong = |why: String| Fault::of(0, why);
    let header = reader.record().map_err(wrong)?;
    let header = header.ok_or_else(|| Fault::of(0, "it has no line with the names"))?;
    let names: BTreeSet<&String> = header.iter().collect();
    if names.len() < header.len() {
        return Err(Fault::of(0, "a name stands twice in the first line"));
    }
    let mut rows = Vec::new();
    loop {
        let line = reader.line;
        let Some(fields) = reader.record().map_err(wrong)? else {
            break;
        };
        if fields.len() != header.len() {
            let (found, wanted) = (fields.len(), header.len());
            return Err(Fault::of(
                0,
                format!("line {line} has {found} fields, and the first line {wanted}"),
            ));
        }
        let fields = fields.into_iter().map(Value::from);
        let row: BTreeMap<String, Value> = header.iter().cloned().zip(fields).collect();
        rows.push(Value::object(row));
    }
    let element = header.iter().map(|name| (name.clone(), Type::String)).collect();
    Ok(Value::list(Type::Object(element), rows))
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl Reader<'_> {
    /// The fields of the next line that is not empty.
    fn record(&mut self) -> Result<Option<Vec<String>>, String> {
        while let Some(rest) = self.rest.strip_prefix("\r\n").or_else(|| self.rest.strip_prefix('\n')) {
            self.rest = rest;
            self.line += 1;
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let mut fields = Vec::new();
        loop {
            fields.push(if self.rest.starts_with('"') {
                self.quoted()?
            } else {
                self.bare()?
            });
            if let Some(rest) = self.rest.strip_prefix(',') {
                self.rest = rest;
                continue;
            }
            self.end_line();
            return Ok(Some(fields));
        }
    }

    fn end_line(&mut self) {
        let rest = self.rest.strip_prefix("\r\n").or_else(|| self.rest.strip_prefix('\n'));
        self.line += usize::from(rest.is_some());
        self.rest = rest.unwrap_or(self.rest);
    }

    fn bare(&mut self) -> Result<String, String> {
        let end = self.rest.find([',', '\n']).unwrap_or(self.rest.len());
        let end = if self.rest[..end].ends_with('\r') && !self.rest[end..].starts_with(',') {
            end - 1
        } else {
            end
        };
        let field = &self.rest[..end];
        if field.contains('"') {
            return Err(format!("line {}: a quote stands in a field without quotes", self.line));
        }
        self.rest = &self.rest[end..];
        if self.rest == "\r" {
            self.rest = "";
        }
        Ok(field.to_owned())
    }

    fn quoted(&mut self) -> Result<String, String> {
        let (mut field, begin) = (String::new(), self.line);
        self.rest = &self.rest[1..];
        loop {
            let end = self
                .rest
                .find('"')
                .ok_or_else(|| format!("line {begin}: a quote is not closed"))?;
            self.line += self.rest[..end].matches('\n').count();
            field.push_str(&self.rest[..end].replace("\r\n", "\n"));
            self.rest = &self.rest[end + 1..];
            match self.rest.strip_prefix('"') {
                Some(rest) => {
                    field.push('"');
                    self.rest = rest;
                }
                None => break,
            }
        }
        if self.rest == "\r" {
            self.rest = "";
        }
        let closed = self.rest.is_empty() || self.rest.starts_with([',', '\n']) || self.rest.starts_with("\r\n");
        match closed {
            true => Ok(field),
            false => Err(format!("line {}: something stands behind a closing quote", self.line)),
        }
    }
}
