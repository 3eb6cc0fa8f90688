//! Address ranges in the notation of CIDR: `10.0.0.0/8`, `fd00::/48`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bigdecimal::num_bigint::BigInt;

use super::{Answer, Fault, Function, NUMBER, STRING, STRINGS, takes, text, whole};
use crate::lang::types::Type;
use crate::lang::value::Value;

/// Functions of networks.
pub(super) const TABLE: &[Function] = &[
    Function::pure(
        "cidrhost",
        "The address of a host in a network, by its number (from the end if negative).",
        &[takes("prefix", STRING), takes("hostnum", NUMBER)],
        STRING,
        cidrhost,
    ),
    Function::pure(
        "cidrnetmask",
        "The netmask of an IPv4 network.",
        &[takes("prefix", STRING)],
        STRING,
        cidrnetmask,
    ),
    Function::pure(
        "cidrsubnet",
        "A part of a network: so many bits longer, by its number.",
        &[
            takes("prefix", STRING),
            takes("newbits", NUMBER),
            takes("netnum", NUMBER),
        ],
        STRING,
        cidrsubnet,
    ),
    Function::pure(
        "cidrsubnets",
        "Parts of a network, one behind the other, each so many bits longer.",
        &[takes("prefix", STRING)],
        STRINGS,
        cidrsubnets,
    )
    .variadic(takes("newbits", NUMBER)),
];

/// A network: its first address as a number, the bits of an address, the bits of the prefix.
#[derive(Clone, Copy)]
struct Network {
    first: u128,
    bits: u32,
    prefix: u32,
}

impl Network {
    fn read(text: &str) -> Result<Network, Fault> {
        let wrong = || Fault::of(0, format!("{text:?} is no network such as 10.0.0.0/8 or fd00::/48"));
        let (address, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let plain = !prefix.is_empty() && prefix.bytes().all(|digit| digit.is_ascii_digit());
        let prefix: u32 = prefix.parse().ok().filter(|_| plain).ok_or_else(wrong)?;
        let (first, bits) = match address.parse::<Ipv6Addr>() {
            Ok(address) => (u128::from(address), 128),
            Err(_) => (u128::from(ipv4(address).ok_or_else(wrong)?), 32),
        };
        if prefix > bits {
            return Err(wrong());
        }
        let mut network = Network { first, bits, prefix };
        network.first &= !network.host_mask();
        Ok(network)
    }

    /// Ones in the bits of a host.
    fn host_mask(&self) -> u128 {
        match self.bits - self.prefix {
            128 => u128::MAX,
            free => (1 << free) - 1,
        }
    }

    fn last(&self) -> u128 {
        self.first | self.host_mask()
    }

    fn address(&self, number: u128) -> String {
        match self.bits {
            32 => IpAddr::V4(Ipv4Addr::from(number as u32)).to_string(),
            _ => IpAddr::V6(Ipv6Addr::from(number)).to_string(),
        }
    }

    fn shown(&self) -> String {
        format!("{}/{}", self.address(self.first), self.prefix)
    }
}

/// Numbers with zeros before them are decimal, as Terraform has it.
fn ipv4(text: &str) -> Option<u32> {
    let parts: Vec<&str> = text.split('.').collect();
    let [a, b, c, d] = parts[..] else { return None };
    let part = |text: &str| {
        let sound = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
        text.parse::<u8>().ok().filter(|_| sound)
    };
    Some(u32::from_be_bytes([part(a)?, part(b)?, part(c)?, part(d)?]))
}

/// A whole number of any size.
fn large(arguments: &[Value], at: usize) -> Result<BigInt, Fault> {
    let number = arguments[at].as_number();
    let number = number.and_then(|number| number.to_bigint());
    number.ok_or_else(|| Fault::of(at, "a whole number is required"))
}

fn cidrhost(arguments: &[Value]) -> Answer {
    let network = Network::read(text(arguments, 0))?;
    let number = large(arguments, 1)?;
    let mask = network.host_mask();
    let from_end = number.sign() == bigdecimal::num_bigint::Sign::Minus;
    let offset = if from_end { -&number - 1 } else { number.clone() };
    let offset = u128::try_from(offset).ok().filter(|offset| *offset <= mask);
    let offset = offset.ok_or_else(|| {
        Fault::of(
            1,
            format!(
                "a prefix of {} bits has no host with the number {number}",
                network.prefix
            ),
        )
    })?;
    let host = if from_end { mask - offset } else { offset };
    Ok(network.address(network.first | host).into())
}

fn cidrnetmask(arguments: &[Value]) -> Answer {
    let network = Network::read(text(arguments, 0))?;
    match network.bits {
        32 => Ok(network.address(!network.host_mask() & u128::from(u32::MAX)).into()),
        _ => Err(Fault::of(0, "an IPv6 network has no netmask")),
    }
}

fn cidrsubnet(arguments: &[Value]) -> Answer {
    let network = Network::read(text(arguments, 0))?;
    let prefix = extended(&network, whole(arguments, 1)?, 0, 1)?;
    let number = large(arguments, 2)?;
    let added = prefix - network.prefix;
    let most = if added == 128 { u128::MAX } else { (1 << added) - 1 };
    let place = u128::try_from(&number).ok().filter(|place| *place <= most);
    let place =
        place.ok_or_else(|| Fault::of(2, format!("{added} more bits have no network with the number {number}")))?;
    let free = network.bits - prefix;
    let first = network.first | place.checked_shl(free).unwrap_or(0);
    Ok(Network {
        first,
        prefix,
        ..network
    }
    .shown()
    .into())
}

/// The length of a longer prefix.
fn extended(network: &Network, newbits: i64, least: i64, at: usize) -> Result<u32, Fault> {
    if newbits < least {
        return Err(Fault::of(at, format!("must be at least {least}")));
    }
    let prefix = u32::try_from(newbits)
        .ok()
        .and_then(|bits| network.prefix.checked_add(bits));
    let prefix = prefix.filter(|prefix| *prefix <= network.bits);
    prefix.ok_or_else(|| {
        let (has, left) = (network.prefix, network.bits - network.prefix);
        Fault::of(
            at,
            format!("a prefix of {has} bits can be at most {left} longer, not {newbits}"),
        )
    })
}

fn cidrsubnets(arguments: &[Value]) -> Answer {
    let network = Network::read(text(arguments, 0))?;
    let (mut next, mut all) = (Some(network.first), Vec::new());
    for at in 1..arguments.len() {
        let newbits = whole(arguments, at)?;
        if newbits > 32 {
            return Err(Fault::of(at, "may be at most 32"));
        }
        let prefix = extended(&network, newbits, 1, at)?;
        let full = || Fault::of(at, "there is no room left for this one");
        let size = 1_u128 << (network.bits - prefix);
        let first = next.ok_or_else(full)?.checked_next_multiple_of(size).ok_or_else(full)?;
        let part = Network {
            first,
            prefix,
            ..network
        };
        if part.last() > network.last() {
            return Err(full());
        }
        next = part.last().checked_add(1);
        all.push(part.shown().into());
    }
    Ok(Value::list(Type::String, all))
}
