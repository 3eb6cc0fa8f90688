//! GUIDs as a GPT stores them: the first three parts little-endian (UEFI specification, appendix A).

/// The order of a GUID's bytes on the disk.
const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/// The stored bytes of a GUID in its usual form.
pub fn to_bytes(text: &str) -> Option<[u8; 16]> {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    if lengths != [8, 4, 4, 4, 12] {
        return None;
    }
    let digits: Vec<u32> = text
        .chars()
        .filter(|&one| one != '-')
        .map(|one| one.to_digit(16))
        .collect::<Option<_>>()?;
    let mut bytes = [0; 16];
    for (place, &from) in bytes.iter_mut().zip(&ORDER) {
        *place = u8::try_from(digits[2 * from] * 16 + digits[2 * from + 1]).ok()?;
    }
    Some(bytes)
}

/// The usual form, in lower case, of stored bytes.
pub fn to_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (place, &from) in ORDER.iter().enumerate() {
        if [4, 6, 8, 10].contains(&place) {
            text.push('-');
        }
        text.push_str(&format!("{:02x}", bytes[from]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_three_parts_are_turned_around() {
        let text = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
        let bytes = to_bytes(text).unwrap();
        assert_eq!(bytes[..8], [0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11]);
        assert_eq!(to_text(&bytes), text);
    }

    #[test]
    fn other_texts_are_none() {
        for text in [
            "",
            "c12a7328",
            "c12a7328-f81f-11d2-ba4b-00a0c93ec93g",
            "c12a7328f81f-11d2-ba4b-00a0c93ec93b",
        ] {
            assert_eq!(to_bytes(text), None, "{text}");
        }
    }
}
