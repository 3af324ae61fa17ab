//! The API token: a text that can be sent and never be seen.

use std::fmt;

use reqwest::header::HeaderValue;

use crate::access::AuthScheme;

/// A token. It prints as `(token)`, in `Debug` too.
#[derive(Clone)]
pub struct Token(String);

/// Why a text is not a token. The text is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("the token is empty")]
    Empty,
    #[error(
        "the token has a character that is not allowed in an HTTP header, such as a line break or a letter outside ASCII"
    )]
    Character,
}

/// Shorter texts are no secrets, and would be found in the middle of ordinary words.
const SHORTEST_SECRET: usize = 8;

impl Token {
    /// Takes white space and a `Bearer ` prefix off.
    ///
    /// # Errors
    /// Nothing is left, or it has a character other than the printable ones of ASCII.
    pub fn new(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        let token = match text.split_at_checked("bearer".len()) {
            Some((word, "")) if word.eq_ignore_ascii_case("bearer") => "",
            Some((word, rest)) if word.eq_ignore_ascii_case("bearer") && rest.starts_with(char::is_whitespace) => {
                rest.trim_start()
            }
            _ => text,
        };
        if token.is_empty() {
            Err(TokenError::Empty)
        } else if token.bytes().any(|byte| !matches!(byte, b' '..=b'~')) {
            Err(TokenError::Character)
        } else {
            Ok(Token(token.to_owned()))
        }
    }

    /// The value of the `Authorization` header, marked as sensitive.
    pub(crate) fn header(&self, scheme: AuthScheme) -> HeaderValue {
        let text = match scheme {
            AuthScheme::Bare => self.0.clone(),
            AuthScheme::Bearer => format!("Bearer {}", self.0),
        };
        let mut value = HeaderValue::try_from(text).expect("`new` lets printable ASCII through only");
        value.set_sensitive(true);
        value
    }

    /// `text` with every occurrence of the token replaced: what a server answers may repeat what it was sent.
    pub(crate) fn redact(&self, text: String) -> String {
        if self.is_in(&text) { text.replace(&self.0, "(token)") } else { text }
    }

    /// Whether a text repeats it.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.0.len() >= SHORTEST_SECRET && text.contains(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(token)")
    }
}

impl fmt::Display for Token {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(token)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_printed() {
        let token = Token::new("s3cret-s3cret").expect("a token");
        assert_eq!(format!("{token} {token:?} {token:#?}"), "(token) (token) (token)");
        assert!(!format!("{:?}", token.header(AuthScheme::Bearer)).contains("s3cret"));
        assert_eq!(token.redact("bad s3cret-s3cret!".to_owned()), "bad (token)!");
    }

    #[test]
    fn the_scheme_word_and_white_space_are_not_part_of_the_token() {
        for text in ["abc", " abc\n", "Bearer abc", "bearer  abc\r\n", "\tBEARER\tabc"] {
            assert_eq!(Token::new(text).expect(text).header(AuthScheme::Bare), "abc", "{text:?}");
        }
        assert_eq!(Token::new("Bearer abc").expect("a token").header(AuthScheme::Bearer), "Bearer abc");
        assert_eq!(Token::new("bearerabc").expect("a token").header(AuthScheme::Bare), "bearerabc");
    }

    #[test]
    fn what_cannot_be_sent_is_refused_without_repeating_it() {
        for text in ["", "  \n", "Bearer", "Bearer \n"] {
            assert_eq!(Token::new(text).unwrap_err(), TokenError::Empty, "{text:?}");
        }
        for text in ["se\ncret", "se\u{0}cret", "sécret", "se\u{7f}cret"] {
            let error = Token::new(text).unwrap_err();
            assert_eq!(error, TokenError::Character, "{text:?}");
            assert!(!format!("{error} {error:?}").contains("cret\""), "{error}");
        }
    }
}
