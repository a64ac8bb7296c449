//! An OpenID provider's list of keys over https, on loopback: as much of HTTP as one GET needs.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use ektp::clock::Clock;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::support::{Folder, office::authority};

/// A provider that runs until it is dropped.
pub struct Provider {
    port: u16,
    keys: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
    running: AbortHandle,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Provider {
    pub async fn start(keys: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener
            .local_addr()
            .expect("a bound socket has an address")
            .port();
        let keys = Arc::new(Mutex::new(keys.to_string()));
        let asked = Arc::new(AtomicUsize::new(0));
        let (of_task, count) = (Arc::clone(&keys), Arc::clone(&asked));
        let acceptor = TlsAcceptor::from(Arc::new(config()));
        let running = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let body = of_task.lock().expect("nobody panicked with it").clone();
                tokio::spawn(answer(acceptor.clone(), stream, body));
            }
        });
        Self {
            port,
            keys,
            asked,
            running: running.abort_handle(),
        }
    }

    pub fn address(&self) -> String {
        format!("https://localhost:{}/keys", self.port)
    }

    /// The file of the authority that signed its certificate.
    pub fn authority(&self, folder: &Folder) -> String {
        let file = folder.join("authority.pem");
        std::fs::write(&file, authority().ca_pem()).expect("the folder is ours");
        file.to_string_lossy().into_owned()
    }

    pub fn publish(&self, keys: Value) {
        *self.keys.lock().expect("nobody panicked with it") = keys.to_string();
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn config() -> ServerConfig {
    let identity = authority()
        .server_identity(&[], Clock::System.now())
        .expect("the authority signs");
    let certificate = CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes());
    let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes());
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.expect("ours")], key.expect("ours"))
        .expect("they fit")
}

async fn answer(acceptor: TlsAcceptor, stream: TcpStream, body: String) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut asked = Vec::new();
    let mut part = [0; 1_024];
    while !asked.ends_with(b"\r\n\r\n") {
        let read = stream.read(&mut part).await?;
        if read == 0 {
            return Ok(());
        }
        asked.extend_from_slice(&part[..read]);
    }
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}
