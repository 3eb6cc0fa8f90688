//! `required_version`: which versions of bake may read a module.

use std::cmp::Ordering;

/// Whether a version fulfils constraints such as `>= 0.1, < 2`, by Terraform's rules.
///
/// # Errors
/// What is wrong with the constraints.
pub(super) fn fulfils(version: &str, constraints: &str) -> Result<bool, String> {
    let version = parse(version).ok_or_else(|| format!("{version:?} is no version"))?;
    constraints
        .split(',')
        .map(|one| fulfils_one(&version, one.trim()))
        .try_fold(true, |all, one| Ok(all && one?))
}

fn fulfils_one(version: &[u64], constraint: &str) -> Result<bool, String> {
    let at = constraint
        .find(|c: char| c.is_ascii_digit())
        .unwrap_or(constraint.len());
    let (operator, wanted) = (constraint[..at].trim(), constraint[at..].trim());
    let wanted = parse(wanted).ok_or_else(|| format!("{constraint:?} is no version constraint; write \">= 0.1\""))?;
    let order = compare(version, &wanted);
    match operator {
        "" | "=" => Ok(order.is_eq()),
        "!=" => Ok(order.is_ne()),
        ">" => Ok(order.is_gt()),
        ">=" => Ok(order.is_ge()),
        "<" => Ok(order.is_lt()),
        "<=" => Ok(order.is_le()),
        "~>" => {
            let fixed = wanted.len().max(2) - 1;
            Ok(order.is_ge() && (0..fixed).all(|at| part(version, at) == part(&wanted, at)))
        }
        _ => Err(format!(
            "unknown operator {operator:?}; =, !=, >, >=, <, <= and ~> are known"
        )),
    }
}

fn parse(text: &str) -> Option<Vec<u64>> {
    let release = text.split(['-', '+']).next()?;
    release.split('.').map(|part| part.parse().ok()).collect()
}

fn part(version: &[u64], at: usize) -> u64 {
    version.get(at).copied().unwrap_or(0)
}

fn compare(a: &[u64], b: &[u64]) -> Ordering {
    let parts = (0..a.len().max(b.len())).map(|at| part(a, at).cmp(&part(b, at)));
    parts.fold(Ordering::Equal, Ordering::then)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints() {
        for good in [
            ">= 0.1",
            "0.3.2",
            "= 0.3.2",
            "~> 0.3",
            "~> 0.3.1",
            ">= 0.1, < 1",
            "!= 0.4",
        ] {
            assert_eq!(fulfils("0.3.2", good), Ok(true), "{good}");
        }
        for bad in ["> 0.3.2", "~> 0.2.9", "< 0.3", "~> 1.0", ">= 0.1, < 0.3"] {
            assert_eq!(fulfils("0.3.2", bad), Ok(false), "{bad}");
        }
        for wrong in ["", "newest", "=> 1", ">= x"] {
            assert!(fulfils("0.3.2", wrong).is_err(), "{wrong}");
        }
    }
}
