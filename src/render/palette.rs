//! From labels, which say what a piece of text is, to styles, which say how it looks. Renderers know labels only.

use anstyle::{AnsiColor, Style};

use crate::plan::Action;

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// Nothing special.
    Plain,
    /// The symbol of create and import, and of what is added.
    Create,
    /// The symbol of update, and of what is changed.
    Update,
    /// The symbol of replace.
    Replace,
    /// The symbol of adopt.
    Adopt,
    /// The symbol of forget.
    Forget,
    /// The symbol of what is removed.
    Remove,
    /// The arrow between before and after.
    Arrow,
    /// What is said beside the thing itself: counts of what is hidden, places, values that are not known.
    Hidden,
    /// A changed word of a removed line.
    RemovedWord,
    /// A changed word of an added line.
    AddedWord,
    /// Headers and results.
    Bold,
    /// All is well: "No changes.".
    Good,
    Error,
    Warning,
    /// What can't be undone, reaches a customer, or forces a replacement.
    Danger,
}

impl Label {
    pub const ALL: [Label; 16] = [
        Label::Plain,
        Label::Create,
        Label::Update,
        Label::Replace,
        Label::Adopt,
        Label::Forget,
        Label::Remove,
        Label::Arrow,
        Label::Hidden,
        Label::RemovedWord,
        Label::AddedWord,
        Label::Bold,
        Label::Good,
        Label::Error,
        Label::Warning,
        Label::Danger,
    ];

    /// The label of an action's symbol.
    pub fn of_action(action: Action) -> Self {
        match action {
            Action::Create | Action::Import => Label::Create,
            Action::Update => Label::Update,
            Action::Replace => Label::Replace,
            Action::Adopt => Label::Adopt,
            Action::Move => Label::Plain,
            Action::Forget => Label::Forget,
        }
    }
}

/// How the sequences of a palette begin.
const START: &str = "\u{1b}[";

/// How they end: reset, bold, dimmed, underlined, and the colours. There is nothing among them that hides text.
const PARAMETERS: [&str; 8] = ["0m", "1m", "2m", "4m", "31m", "32m", "33m", "36m"];

/// How labels look. Without colour nothing is styled, and the text alone says everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    colour: bool,
}

impl Palette {
    /// Text only, without a single escape sequence.
    pub const fn plain() -> Self {
        Palette { colour: false }
    }

    /// ANSI colours, from the 16 that follow the theme of a terminal.
    pub const fn colour() -> Self {
        Palette { colour: true }
    }

    pub const fn is_plain(&self) -> bool {
        !self.colour
    }

    pub fn style(&self, label: Label) -> Style {
        if self.is_plain() {
            return Style::new();
        }
        match label {
            Label::Plain => Style::new(),
            Label::Create => AnsiColor::Green.on_default(),
            Label::Update | Label::Arrow => AnsiColor::Yellow.on_default(),
            Label::Replace | Label::Remove => AnsiColor::Red.on_default(),
            Label::Adopt => AnsiColor::Cyan.on_default(),
            Label::Forget | Label::Hidden => Style::new().dimmed(),
            Label::RemovedWord => AnsiColor::Red.on_default().bold().underline(),
            Label::AddedWord => AnsiColor::Green.on_default().bold().underline(),
            Label::Bold => Style::new().bold(),
            Label::Good => AnsiColor::Green.on_default().bold(),
            Label::Error | Label::Danger => AnsiColor::Red.on_default().bold(),
            Label::Warning => AnsiColor::Yellow.on_default().bold(),
        }
    }

    /// The text in the style of the label. The text is shown as it is: escape what others wrote.
    pub fn paint(&self, label: Label, text: &str) -> String {
        let mut out = String::new();
        self.paint_into(label, text, &mut out);
        out
    }

    /// The first sequence in a text that this palette makes, with what is before and after it.
    pub fn next_sequence<'t>(&self, text: &'t str) -> Option<(&'t str, &'t str, &'t str)> {
        if self.is_plain() {
            return None;
        }
        let mut begin = 0;
        while let Some(found) = text[begin..].find(START) {
            begin += found;
            let parameter = &text[begin + START.len()..];
            let known = PARAMETERS.into_iter().find(|known| parameter.starts_with(known));
            if let Some(known) = known {
                let end = begin + START.len() + known.len();
                return Some((&text[..begin], &text[begin..end], &text[end..]));
            }
            begin += START.len();
        }
        None
    }

    /// A text without the sequences that this palette makes.
    #[cfg(test)]
    pub(crate) fn unpainted(&self, text: &str) -> String {
        let (mut unpainted, mut rest) = (String::new(), text);
        while let Some((before, _, after)) = self.next_sequence(rest) {
            unpainted.push_str(before);
            rest = after;
        }
        unpainted + rest
    }

    /// Appends what [`Palette::paint`] gives.
    pub fn paint_into(&self, label: Label, text: &str, out: &mut String) {
        let style = self.style(label);
        if style.is_plain() || text.is_empty() {
            out.push_str(text);
        } else {
            out.push_str(&format!("{style}{text}{style:#}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_palette_adds_nothing_and_a_colourful_one_always_resets() {
        for label in Label::ALL {
            assert_eq!(Palette::plain().paint(label, "x"), "x");
            let painted = Palette::colour().paint(label, "x");
            assert!(painted == "x" || painted.ends_with("x\u{1b}[0m"), "{painted:?}");
            assert_eq!(Palette::colour().paint(label, ""), "");
            assert_eq!(Palette::colour().unpainted(&painted), "x", "{painted:?}");
            assert_eq!(Palette::plain().next_sequence(&painted), None);
        }
    }
}
