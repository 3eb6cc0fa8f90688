//! What is encrypted, in plain.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs1::DecodeRsaPrivateKey as _;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::{Pkcs1v15Encrypt, PrivateKey};

use super::{Answer, Fault, Function, STRING, takes, text};
use crate::lang::value::Value;

/// Ciphers.
pub(super) const TABLE: &[Function] = &[Function::pure(
    "rsadecrypt",
    "What is encrypted with RSA (PKCS #1 v1.5, in base64), by a private key in PEM.",
    &[takes("ciphertext", STRING), takes("privatekey", STRING)],
    STRING,
    rsadecrypt,
)];

fn rsadecrypt(arguments: &[Value]) -> Answer {
    let bytes = STANDARD.decode(text(arguments, 0));
    let bytes = bytes.map_err(|error| Fault::of(0, format!("not base64: {error}")))?;
    let plain = key(text(arguments, 1))?.decrypt(Pkcs1v15Encrypt, &bytes);
    let plain = plain.map_err(|_| Fault::of(0, "it is not encrypted with this key"))?;
    let plain = String::from_utf8(plain).map_err(|_| Fault::of(0, "what it holds is not UTF-8 text"))?;
    Ok(plain.into())
}

fn key(pem: &str) -> Result<PrivateKey, Fault> {
    if pem.contains("BEGIN OPENSSH PRIVATE KEY") {
        return Err(Fault::of(
            1,
            "a key in OpenSSH's own format is not read; ssh-keygen -p -m PEM writes it anew",
        ));
    }
    let read = PrivateKey::from_pkcs1_pem(pem)
        .ok()
        .or_else(|| PrivateKey::from_pkcs8_pem(pem).ok());
    read.ok_or_else(|| Fault::of(1, "this is no private RSA key in PEM"))
}
