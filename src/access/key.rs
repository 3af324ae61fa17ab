//! Whether a text is perhaps a key: people paste one where a name or a path belongs, and nobody may repeat it.

use std::borrow::Cow;

/// What a JSON Web Token begins with, which all of Dixa's tokens are: `{"` in base64.
const WEB_TOKEN: &str = "eyJ";

/// Shorter texts are too likely to be names.
const WEB_TOKEN_MIN: usize = 20;
const RANDOM_MIN: usize = 32;

/// Whether a text looks like a key: a JSON Web Token or a part of one, or long and random. Names that people give,
/// uuids, digests and paths don't.
pub fn looks_like_key(text: &str) -> bool {
    is_web_token(text) || is_random(text)
}

/// [`looks_like_key`] for the place of a name, where a long number in hexadecimal is no digest.
pub fn looks_like_key_for_name(text: &str) -> bool {
    looks_like_key(text) || text.len() >= RANDOM_MIN && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A text without the words that look like keys.
pub fn without_keys(text: &str) -> Cow<'_, str> {
    let ends = |letter: char| letter.is_whitespace() || "`'\"(),:;{}[]".contains(letter);
    let mut out = String::new();
    let mut rest = text;
    while let Some(found) = rest.split(ends).find(|word| looks_like_key(word)) {
        let (before, after) = rest.split_once(found).expect("a word is part of its text");
        out.extend([before, "(a key)"]);
        rest = after;
    }
    if out.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(out + rest) }
}

fn is_web_token(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte);
    text.starts_with(WEB_TOKEN) && text.len() >= WEB_TOKEN_MIN && text.bytes().all(is_part)
}

/// In a word, letters follow letters, and digits digits; a random text goes back and forth between small letters,
/// capitals and digits. Hexadecimal is left out: that is how digests and ids are written.
fn is_random(text: &str) -> bool {
    if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.~+=".contains(&byte)) {
        return false;
    }
    let is_hexadecimal = |part: &&str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts = text.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|part| !is_hexadecimal(part));
    let (mut letters, mut changes) = (0, 0);
    for part in parts {
        letters += part.len();
        changes += part.as_bytes().windows(2).filter(|pair| is_change(pair[0], pair[1])).count();
    }
    letters >= RANDOM_MIN && changes * 4 >= letters
}

/// A capital before a small letter begins a word.
fn is_change(one: u8, next: u8) -> bool {
    let class = |byte: u8| (byte.is_ascii_digit(), byte.is_ascii_uppercase());
    class(one) != class(next) && !(one.is_ascii_uppercase() && next.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";

    #[test]
    fn web_tokens_and_long_random_texts_look_like_keys() {
        for key in [
            WEB,
            "eyJ0b2tlbiI6InNlY3JldCJ9.kQ7xPz-3vN_8",
            "eyJhbGciOiJIUzI1NiJ9",
            "hR7kQ2pXv9LmT4wZs8NcB3yFdG6jA1eU",
            "sk_live_51Hx9yQ2eZvKYlo2C7b3T0uJwXn8RmVfG",
            "Zm9vYmFyLWJh-ei1x_dXV4LTEyMz+Q1Njc4OTAxMjM0NTY3OA==",
            "k3j9x7q2m5p8w1z4v6n0b3c7t9r2y5u8i1o4",
        ] {
            assert!(looks_like_key(key), "{key}");
        }
    }

    #[test]
    fn names_paths_ids_and_digests_do_not_look_like_keys() {
        for name in [
            "",
            "staging",
            "eyJaculator",
            "conversation-import-from-zendesk-2024-q3-final-2",
            "ConversationImportFromZendesk2024Q3",
            "conversation.3b2a7f1e-2c44-4f4e-9a4b-6f2f1b8f0d11",
            "9c2a2cce-699f-4a72-89d9-fda5bc8dec8b",
            "plan-8087ae3f6a09a5b7c2d1e0f98087ae3f6a09a5b7.json",
            "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            "/nix/store/s66mzxpvicwk07gjbjfw9izjfa797vsw-hello-2.12/manifests",
            "20240101T120000Z-staging-seed-with-all-its-customers.plan",
            "DIXA_STAGING_API_KEY_OF_THE_SECOND_TEAM_2024",
        ] {
            assert!(!looks_like_key(name), "{name}");
        }
        assert!(looks_like_key_for_name("c0ffee00c0ffee00c0ffee00c0ffee00"));
        assert!(!looks_like_key_for_name("DIXA_API_KEY"));
    }

    #[test]
    fn a_text_is_kept_without_its_keys() {
        assert_eq!(without_keys(&format!("no `{WEB}`: ({WEB}), a")), "no `(a key)`: ((a key)), a");
        assert!(matches!(without_keys("no such tenant"), Cow::Borrowed(_)));
    }
}
