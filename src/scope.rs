//! Whose rows a transaction sees: the nation's, or one district's. The database's policies ask for it (migrations/0013, 0015).
//!
//! What is easily got wrong: the scope belongs to a transaction and is set in the round trip that begins it. A connection
//! outside of one has no scope and sees no row, so nothing of one caller is ever left behind for the next.

use std::fmt;

use sqlx::AssertSqlSafe;

use crate::ids::District;

/// Whose rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All: the centre's machines and the server's own chores.
    Nation,
    /// One district's. The centre's code stands for callers who belong to no district: they see none.
    District(District),
}

impl Scope {
    /// In whose chain the acts of such callers stand.
    pub fn ledger(self) -> District {
        match self {
            Self::Nation => District::CENTRE,
            Self::District(district) => district,
        }
    }

    /// Begins a transaction of this scope, in one round trip. The only values in it are words and numbers of our own.
    pub fn begin(self, how: &str) -> AssertSqlSafe<String> {
        AssertSqlSafe(format!("begin {how}; set local ektp.scope = '{self}'"))
    }

    /// Begins one that reads.
    pub fn begin_read(self) -> AssertSqlSafe<String> {
        self.begin("read only")
    }
}

impl From<Option<District>> for Scope {
    fn from(district: Option<District>) -> Self {
        district.map_or(Self::Nation, Self::District)
    }
}

/// As the setting has it.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nation => f.write_str("nation"),
            Self::District(district) => write!(f, "{}", district.number()),
        }
    }
}
