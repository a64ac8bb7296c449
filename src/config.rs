//! What a person who starts ektp may choose, one struct per concern, each by flag or environment.

use std::{net::SocketAddr, path::PathBuf};

use crate::{embedded, quota::Quotas};

/// Where the server listens when nothing else is said: loopback, so that nothing is open by accident.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:50575";

/// Where the data is.
#[derive(Debug, Clone, clap::Args)]
pub struct Storage {
    /// The data folder: the private Postgres, the sealing keys and the certificates made here
    #[arg(long, env = "EKTP_DATA", value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// A Postgres server that you run yourself (15 or newer), instead of the private one: as its owner to migrate, as
    /// ektp_serve to serve
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<String>,
}

impl Storage {
    /// Storage in a folder of one's own, with the private Postgres.
    pub fn embedded_in(data: PathBuf) -> Self {
        Self {
            data: Some(data),
            database_url: None,
        }
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.data
            .clone()
            .unwrap_or_else(embedded::default_data_folder)
    }
}

/// How the server is reached.
#[derive(Debug, Clone, clap::Args)]
pub struct Listening {
    /// The address to listen on
    #[arg(long, env = "EKTP_LISTEN", default_value = LISTEN_DEFAULT, value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// A name or IP address under which terminals reach the server; goes into the certificate made here
    #[arg(long = "name", value_name = "NAME", conflicts_with = "certificate")]
    pub names: Vec<String>,
    /// The server's certificate (PEM); without one the data folder's own authority makes it
    #[arg(long, env = "EKTP_CERTIFICATE", requires_all = ["key", "ca"], value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// The certificate's key (PEM)
    #[arg(long, env = "EKTP_KEY", requires = "certificate", value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// The authority whose client certificates are accepted (PEM)
    #[arg(long, env = "EKTP_CA", requires = "certificate", value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

/// Whose word proves officers, how much they may see, and where the audit log's heads are witnessed.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Guarding {
    /// The offices' OpenID providers (JSON), whose tokens prove officers beside their PINs
    #[arg(long, env = "EKTP_IDENTITY_PROVIDERS", value_name = "FILE")]
    pub identity_providers: Option<PathBuf>,
    /// Persons whom one officer may read in a day, over all servers and accounts [default: 600]
    #[arg(long, env = "EKTP_PERSONS_PER_OFFICER_DAY", value_name = "COUNT")]
    pub persons_per_officer_day: Option<u32>,
    /// Persons who may be read on one terminal in a day [default: 2000]
    #[arg(long, env = "EKTP_PERSONS_PER_TERMINAL_DAY", value_name = "COUNT")]
    pub persons_per_terminal_day: Option<u32>,
    /// Persons who may be read in one district in a day [default: 20000]
    #[arg(long, env = "EKTP_PERSONS_PER_DISTRICT_DAY", value_name = "COUNT")]
    pub persons_per_district_day: Option<u32>,
    /// The file to which each signed head of the audit log is appended [default: audit-heads.log in the data folder]
    #[arg(long, env = "EKTP_WITNESS", value_name = "FILE")]
    pub witness: Option<PathBuf>,
}

impl Guarding {
    /// What is allowed.
    pub fn quotas(&self) -> Quotas {
        let usual = Quotas::default();
        Quotas {
            persons_per_officer_day: self
                .persons_per_officer_day
                .unwrap_or(usual.persons_per_officer_day),
            persons_per_terminal_day: self
                .persons_per_terminal_day
                .unwrap_or(usual.persons_per_terminal_day),
            persons_per_district_day: self
                .persons_per_district_day
                .unwrap_or(usual.persons_per_district_day),
            ..usual
        }
    }
}
