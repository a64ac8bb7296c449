//! Who may call what: every kind of caller knocks at every RPC, and is let in or refused as the one table says.
//!
//! What is easily got wrong: a refusal that comes after the request was read is too late. Here the refused client sends
//! its headers and nothing else, ever; and a body that is no protobuf changes nothing in the answer.

use std::collections::BTreeSet;

use ektp::caller::{Nature, OfficerRole, RIGHTS, Role, Verdict, right};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::support::{
    office::{Office, reason},
    officers::is_staffed,
    raw::{self, Sending},
};

use super::{PACKAGE, PRINCIPALS, methods};

/// Bytes that no message begins with.
const NO_PROTOBUF: [u8; 8] = [0xff; 8];

#[test]
fn every_rpc_has_a_line_in_the_table_of_rights_and_every_line_its_rpc() {
    let in_table: BTreeSet<&str> = RIGHTS
        .iter()
        .map(|right| right.path)
        .filter(|path| path.starts_with(&format!("/{PACKAGE}.")))
        .collect();
    let methods = methods();
    let in_contract: BTreeSet<&str> = methods.iter().map(|method| method.path.as_str()).collect();
    assert_eq!(in_table, in_contract);
}

/// Who can stand behind a certificate: nobody, or an officer of one role.
fn officers(principal: &str) -> Vec<Option<OfficerRole>> {
    let mut officers = vec![None];
    if is_staffed(principal) {
        officers.extend(OfficerRole::ALL.map(Some));
    }
    officers
}

fn verdict(path: &str, role: Role, officer: Option<OfficerRole>) -> Verdict {
    right(path)
        .expect("every RPC has its line")
        .verdict(role, officer.as_ref().map(std::slice::from_ref))
}

#[test]
fn the_table_knows_what_each_rpc_is() {
    for method in methods() {
        let nature = right(&method.path).expect("every RPC has its line").nature;
        let expected = if method.is_write() {
            Nature::Write
        } else if method.server_streaming {
            Nature::Stream
        } else {
            Nature::Read
        };
        assert_eq!(nature, expected, "{}", method.path);
    }
}

#[tokio::test]
async fn who_may_not_call_is_refused_before_anything_is_read() {
    let office = Office::open().await;
    let mut refused = 0;
    for (role, principal) in PRINCIPALS {
        for officer in officers(principal) {
            let roles = officer.as_ref().map(std::slice::from_ref);
            let channel = office.client_as(0, principal, roles).await.channel;
            for method in methods() {
                let path = method.path.as_str();
                let (code, why) = match verdict(path, role, officer) {
                    Verdict::May => continue,
                    Verdict::MayNot => (Code::PermissionDenied, "ROLE_MAY_NOT_CALL"),
                    Verdict::NeedsShift => (Code::Unauthenticated, "SHIFT_REQUIRED"),
                };
                let who = format!("{role:?} with {officer:?} at {path}");
                for messages in [Vec::new(), vec![NO_PROTOBUF.to_vec()]] {
                    let answer = raw::exchange(&channel, path, messages, Sending::Open, 1).await;
                    let status = answer.expect_err("the table says no");
                    assert_eq!(status.code(), code, "{who}");
                    assert_eq!(reason(&status), why, "{who}");
                    let info = status
                        .get_details_error_info()
                        .expect("every refusal has its reason");
                    assert_eq!(info.metadata["method"], path);
                }
                refused += 1;
            }
        }
    }
    assert!(refused > 500, "most callers may call little: {refused}");
}

#[tokio::test]
async fn who_may_call_is_let_in() {
    let office = Office::open().await;
    let mut let_in = BTreeSet::new();
    for (role, principal) in PRINCIPALS {
        for officer in officers(principal) {
            let roles = officer.as_ref().map(std::slice::from_ref);
            let channel = office.client_as(0, principal, roles).await.channel;
            for method in methods() {
                if verdict(&method.path, role, officer) != Verdict::May {
                    continue;
                }
                let answer = raw::call(&channel, &method.path, &NO_PROTOBUF).await;
                let status = answer.expect_err("these bytes are no request");
                let who = format!("{role:?} with {officer:?} at {}: {status:?}", method.path);
                assert_eq!(status.code(), Code::InvalidArgument, "{who}");
                assert_eq!(reason(&status), "INVALID_FIELDS", "{who}");
                let_in.insert(method.path.clone());
            }
        }
    }
    assert_eq!(let_in.len(), methods().len(), "every RPC has a caller");
}

#[tokio::test]
async fn everybody_may_ask_for_the_health_and_for_the_contract() {
    let office = Office::open().await;
    for (role, principal) in PRINCIPALS {
        let channel = office.client(0, principal).await.channel;
        let health = raw::call(&channel, "/grpc.health.v1.Health/Check", &[]).await;
        assert!(health.is_ok(), "{role:?}: {health:?}");
        for version in ["v1", "v1alpha"] {
            let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
            // list_services = "", the seventh field.
            let services = raw::call(&channel, &path, &super::field(7, b""))
                .await
                .expect("an answer");
            let text = String::from_utf8_lossy(&services[0]).into_owned();
            for service in [
                "Registration",
                "PrintQueue",
                "Inventory",
                "Handover",
                "Administration",
            ] {
                assert!(
                    text.contains(&format!("{PACKAGE}.{service}")),
                    "{role:?}: {service}"
                );
            }
        }
    }
}
