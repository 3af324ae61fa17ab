//! What a string must look like to be a uuid, a URL, a language, an address or a phone number.

/// The hyphenated form, 8-4-4-4-12 hexadecimal digits, in either case.
pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// An absolute http or https URL with a host. Browsers also take `https:example.com`; other readers of URLs don't.
pub(super) fn is_url(text: &str) -> bool {
    let printable = text.bytes().all(|byte| byte > b' ');
    let has_slashes = text.split_once(':').is_some_and(|(_, rest)| rest.starts_with("//"));
    printable
        && has_slashes
        && url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Two letters, as in ISO 639-1. The list of languages is Dixa's to keep.
pub(super) fn is_language(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Something, an at sign, and a host. What else an address is made of is the business of mail servers.
pub(super) fn is_email_address(text: &str) -> bool {
    let is_part =
        |part: &str| !part.is_empty() && !part.contains(|letter: char| letter.is_whitespace() || letter == '@');
    text.rsplit_once('@').is_some_and(|(name, host)| is_part(name) && is_part(host))
}

/// E.164: a plus sign and up to 15 digits, the first not 0.
pub(super) fn is_phone_number(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+') else { return false };
    (2..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_take_what_dixa_documents_and_nothing_like_it() {
        assert!(is_uuid("9c2a2cce-699f-4a72-89d9-fda5bc8dec8b") && is_uuid("9C2A2CCE-699F-4A72-89D9-FDA5BC8DEC8B"));
        assert!(!is_uuid("9c2a2cce699f4a7289d9fda5bc8dec8b") && !is_uuid("9c2a2cce-699f-4a72-89d9-fda5bc8dec8g"));
        assert!(
            is_url("https://example.com/a#b")
                && !is_url("example.com/a")
                && !is_url("ftp://example.com")
                && !is_url("https://a b")
                && !is_url("https:example.com")
                && !is_url("https:\\\\example.com")
        );
        assert!(is_language("no") && !is_language("eng") && !is_language("EN"));
        assert!(is_email_address("jane@example.com") && is_email_address("jane+x@localhost"));
        assert!(!is_email_address("jane") && !is_email_address("@example.com") && !is_email_address("a b@example.com"));
        assert!(is_phone_number("+4512345678") && !is_phone_number("4512345678") && !is_phone_number("+0123"));
    }
}
