//! The server: layers, services, health and reflection; binds, runs and drains.
//!
//! tonic's own shutdown waits for ever for open streams and for silent peers (hyper's issue 4170). Therefore the
//! drain is ours: readiness off, streams told to go, calls finished, and after a bound the connections are cut.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use sqlx::postgres::PgConnectOptions;
use tokio::{net::TcpListener, task::JoinHandle};
use tonic::{service::Routes, transport::Server as Http2};

pub use crate::transport::Tls;

use crate::{
    administration::AdministrationService,
    audit::Signing,
    authority::Renewal,
    chores,
    clock::Clock,
    db::{PoolSizes, Pools},
    edge::EdgeLayer,
    error::{Error, Result},
    feed::{Hub, Timing},
    handover::{Gateway, HandoverService},
    inventory::InventoryService,
    openid::Providers,
    print_queue::PrintQueueService,
    proto::{
        self, administration_server::AdministrationServer, handover_server::HandoverServer,
        inventory_server::InventoryServer, print_queue_server::PrintQueueServer,
        registration_server::RegistrationServer,
    },
    quota::Quotas,
    registration::RegistrationService,
    seal::Keys,
    telemetry,
    transport::{self, Connections, KEEPALIVE_INTERVAL, MESSAGE_READ_MAX},
    work::Desk,
};

/// The largest message that is sent: a page of 500 rows is far below.
const MESSAGE_SENT_MAX: usize = 1024 * 1024;
/// A certificate of the nation has a line for each of 7,800 locations; more than this most clients do not read.
const CERTIFICATE_SENT_MAX: usize = 4 * 1024 * 1024;
/// Streams and calls of one connection at a time.
const CONCURRENT_PER_CONNECTION: u32 = 64;
/// Header lists beyond this are refused by HTTP/2.
const HEADER_LIST_MAX: u32 = 16 * 1024;
/// A silent connection is asked whether it lives, and cut when it does not answer within this.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// Clients get so long to take their answers and their streams' last words: twice an ordinary call's whole deadline. With
/// what follows it is the promise that a server is gone in 25 seconds; `cli/host.rs` does the sum.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(12);
/// Connections that were cut are gone within this.
const CUT_TIMEOUT: Duration = Duration::from_secs(1);
/// Acts of cut connections end by themselves; what has not ended within this is broken off by the end of the process, and
/// rolled back by the database. Their clients ask again with the same request id.
const POOLS_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a drain takes at most.
pub const DRAINED_WITHIN: Duration =
    Duration::from_secs(DRAIN_TIMEOUT.as_secs() + CUT_TIMEOUT.as_secs() + POOLS_TIMEOUT.as_secs());

/// What a server stands on.
pub struct Options {
    /// Where to listen; port 0 takes any.
    pub listen: SocketAddr,
    /// Who it is.
    pub tls: Tls,
    /// Who renews the terminals' certificates.
    pub renewal: Renewal,
    /// Who else proves officers.
    pub providers: Providers,
    /// Its database.
    pub database: PgConnectOptions,
    /// How many connections it may open there.
    pub pools: PoolSizes,
    /// Business time.
    pub clock: Clock,
    /// The sealing keys.
    pub keys: Arc<Keys>,
    /// Where notices go.
    pub gateway: Gateway,
    /// The streams' times.
    pub timing: Timing,
    /// How much each may.
    pub quotas: Quotas,
    /// How long a printer's lease is good for; tests make it shorter.
    pub lease_length: Duration,
    /// Whether the application's checks hold; only tests build a server without.
    #[cfg(debug_assertions)]
    pub checks: crate::edge::Checks,
    /// With what the audit log's heads are signed, and where they are kept.
    pub signing: Arc<Signing>,
}

/// A running server.
pub struct Server {
    address: SocketAddr,
    desk: Desk,
    health: tonic_health::server::HealthReporter,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
    connections: Connections,
    _chores: chores::Chores,
    _gauges: Vec<telemetry::Gauge>,
}

impl Server {
    /// Opens the pools, binds, and serves.
    pub async fn start(options: Options) -> Result<Self> {
        let pools = Pools::open(options.database.clone(), options.pools).await?;
        let desk = Desk::new(
            pools,
            options.clock,
            options.keys,
            options.quotas,
            options.lease_length,
        );
        desk.access().follow(desk.draining().clone()).await?;
        let hub = Hub::start(&desk, options.database, options.timing).await?;
        let listener = TcpListener::bind(options.listen).await.map_err(|error| {
            Error::internal(format!("cannot listen on {}: {error}", options.listen))
        })?;
        let address = listener
            .local_addr()
            .map_err(|error| Error::internal(error.to_string()))?;

        let (health, health_service) = tonic_health::server::health_reporter();
        let guards = (options.renewal, options.providers);
        let routes = services(&desk, &hub, guards, &options.signing).add_service(health_service);
        let routes = reflection(routes)?;
        announce(&health).await;
        let stop = desk.draining().clone();
        let access = desk.access().clone();
        let (incoming, connections) = transport::open(
            listener,
            &options.tls,
            access.clone(),
            (stop.clone(), options.timing.stall_after),
        )?;
        let transport = http2();
        #[cfg(debug_assertions)]
        let transport = transport.layer(tower::util::MapRequestLayer::new(
            move |mut request: http::Request<_>| {
                options.checks.mark(request.extensions_mut());
                request
            },
        ));
        let transport = transport
            .layer(EdgeLayer::new(
                access,
                Arc::clone(desk.limits()),
                desk.admissions(),
            ))
            .layer(tower::util::MapRequestLayer::new(transport::measured))
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, async move {
                stop.cancelled().await;
            });
        let (acts, reads) = desk.admissions();
        let mut gauges = vec![pool_gauge(&desk), connection_gauge(connections.clone())];
        gauges.extend(acts.gauges().into_iter().chain(reads.gauges()));
        let chores = chores::Chores::start(&desk, options.gateway, options.signing);
        let serving = tokio::spawn(transport);
        Ok(Self {
            address,
            desk,
            health,
            serving,
            connections,
            _chores: chores,
            _gauges: gauges,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its services stand on.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Readiness off, streams sent away, calls finished; after a bound the rest is cut.
    pub async fn drain(mut self) {
        for service in SERVICES {
            self.health
                .set_service_status(service, tonic_health::ServingStatus::NotServing)
                .await;
        }
        self.desk.draining().cancel();
        if tokio::time::timeout(DRAIN_TIMEOUT, &mut self.serving)
            .await
            .is_err()
        {
            tracing::warn!(
                "some clients did not go within the drain's bound; their connections are cut"
            );
            self.connections.cut();
            tokio::time::timeout(CUT_TIMEOUT, &mut self.serving)
                .await
                .ok();
        }
        let closing = self.desk.pools().close();
        if tokio::time::timeout(POOLS_TIMEOUT, closing).await.is_err() {
            tracing::warn!("some acts did not end within the drain's bound; they are broken off");
        }
    }
}

/// The services as health names them; the empty one is the server as a whole.
const SERVICES: [&str; 6] = [
    "",
    "ektp.v1.Registration",
    "ektp.v1.PrintQueue",
    "ektp.v1.Inventory",
    "ektp.v1.Handover",
    "ektp.v1.Administration",
];

async fn announce(health: &tonic_health::server::HealthReporter) {
    for service in SERVICES {
        health
            .set_service_status(service, tonic_health::ServingStatus::Serving)
            .await;
    }
}

fn http2() -> Http2 {
    Http2::builder()
        .max_concurrent_streams(CONCURRENT_PER_CONNECTION)
        .http2_max_header_list_size(HEADER_LIST_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
}

fn services(
    desk: &Desk,
    hub: &Hub,
    (renewal, providers): (Renewal, Providers),
    signing: &Signing,
) -> Routes {
    let registration = RegistrationServer::new(RegistrationService::new(desk.clone(), hub.clone()))
        .max_decoding_message_size(MESSAGE_READ_MAX)
        .max_encoding_message_size(MESSAGE_SENT_MAX);
    let print_queue = PrintQueueServer::new(PrintQueueService::new(desk.clone(), hub.clone()))
        .max_decoding_message_size(MESSAGE_READ_MAX)
        .max_encoding_message_size(MESSAGE_SENT_MAX);
    let inventory = InventoryService::new(desk.clone(), hub.clone(), Arc::clone(&signing.key));
    let inventory = InventoryServer::new(inventory)
        .max_decoding_message_size(MESSAGE_READ_MAX)
        .max_encoding_message_size(CERTIFICATE_SENT_MAX);
    let handover = HandoverServer::new(HandoverService::new(desk.clone(), hub.clone()))
        .max_decoding_message_size(MESSAGE_READ_MAX)
        .max_encoding_message_size(MESSAGE_SENT_MAX);
    let administration = AdministrationServer::new(AdministrationService::new(
        desk.clone(),
        hub.clone(),
        renewal,
        providers,
    ))
    .max_decoding_message_size(MESSAGE_READ_MAX)
    .max_encoding_message_size(MESSAGE_SENT_MAX);
    Routes::new(registration)
        .add_service(print_queue)
        .add_service(inventory)
        .add_service(handover)
        .add_service(administration)
}

/// Both versions: newer tools ask for v1, many libraries still for v1alpha.
fn reflection(routes: Routes) -> Result<Routes> {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let refused = |error| Error::internal(format!("reflection: {error}"));
    let v1 = builder().build_v1().map_err(refused)?;
    let v1alpha = builder().build_v1alpha().map_err(refused)?;
    Ok(routes.add_service(v1).add_service(v1alpha))
}

fn connection_gauge(connections: Connections) -> telemetry::Gauge {
    telemetry::gauge("ektp.connections", "{connection}", move || {
        vec![telemetry::Reading {
            value: connections.count() as f64,
            labels: Vec::new(),
        }]
    })
}

fn pool_gauge(desk: &Desk) -> telemetry::Gauge {
    let pools = desk.pools().clone();
    telemetry::gauge("ektp.pool.connections", "{connection}", move || {
        let readings = pools.named().into_iter().flat_map(|(name, pool)| {
            let idle = pool.num_idle();
            let all = pool.size() as usize;
            [("idle", idle), ("busy", all.saturating_sub(idle))].map(|(state, count)| {
                telemetry::Reading {
                    value: count as f64,
                    labels: vec![("pool", name.to_owned()), ("state", state.to_owned())],
                }
            })
        });
        readings.collect()
    })
}
