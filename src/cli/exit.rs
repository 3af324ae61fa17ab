//! Exit codes: one table for all commands.

use std::process::ExitCode;

/// How a command ended. Scripts rely on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, or nothing to do.
    Done,
    /// 1: a bad manifest, a bad configuration, I/O.
    Failed,
    /// 2: changes are pending; only `plan --detailed-exitcode`.
    ChangesPending,
    /// 3: the token is missing or refused.
    Token,
    /// 4: applied in part; the rest is listed.
    Partial,
    /// 5: refused for safety.
    Refused,
    /// 6: something is in doubt, or in the journal and unknown to the state: `recover` settles it.
    InDoubt,
    /// 64: wrong usage.
    Usage,
    /// 130: interrupted.
    Interrupted,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::ChangesPending => 2,
            Exit::Token => 3,
            Exit::Partial => 4,
            Exit::Refused => 5,
            Exit::InDoubt => 6,
            Exit::Usage => 64,
            Exit::Interrupted => 130,
        }
    }

    /// The one that is given when several apply: the first of 130, 3, 5, 6, 4, 1.
    pub fn worst(several: impl IntoIterator<Item = Exit>) -> Exit {
        const ORDER: [Exit; 9] = [
            Exit::Interrupted,
            Exit::Token,
            Exit::Refused,
            Exit::InDoubt,
            Exit::Partial,
            Exit::Failed,
            Exit::Usage,
            Exit::ChangesPending,
            Exit::Done,
        ];
        let several: Vec<Exit> = several.into_iter().collect();
        ORDER.into_iter().find(|exit| several.contains(exit)).unwrap_or(Exit::Done)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_the_gravest_is_given() {
        assert_eq!(Exit::worst([Exit::Partial, Exit::InDoubt, Exit::Failed]), Exit::InDoubt);
        assert_eq!(Exit::worst([Exit::Token, Exit::Interrupted]), Exit::Interrupted);
        assert_eq!(Exit::worst([]), Exit::Done);
    }
}
