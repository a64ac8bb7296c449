//! The list of the rules' versions: whose a caller sees.
//!
//! What is easily got wrong: rules are no secret, so the database lets everybody read all of them. What a district does not
//! see here would only be of no use to it.

use crate::{
    administration::rpc::AdministrationService,
    caller::{Caller, Principal},
    error::{Error, Result},
    ids::District,
    paging,
    policy::{self, Filter, PolicyArea, Version},
    proto,
    work::Call,
};

impl AdministrationService {
    pub(super) async fn policies(
        &self,
        call: &Call,
        message: &proto::ListPoliciesRequest,
    ) -> Result<proto::ListPoliciesResponse> {
        let filter = Filter {
            in_force_on: policy::wire::listed_on(message)?,
            ..bearing_on(&call.caller)
        };
        let list = format!("{} {filter:?}", call.method);
        let after = paging::key(self.desk.keys(), &list, &message.page_token)?;
        let after = after.map(|key| key.parse::<i32>()).transpose();
        let after = after.map_err(|_| Error::internal("a page token of our own does not parse"))?;
        let size = paging::size(message.page_size);
        let mut read = self.desk.read(call).await?;
        let mut rows = policy::list(read.db(), &filter, after, size + 1).await?;
        let next_page_token =
            paging::cut(self.desk.keys(), &list, &mut rows, size, |row: &Version| {
                row.policy.version.to_string()
            });
        Ok(proto::ListPoliciesResponse {
            policies: rows.iter().map(policy::wire::version).collect(),
            next_page_token,
        })
    }
}

/// The areas whose rules bear on a caller.
fn bearing_on(caller: &Caller) -> Filter {
    let nation = PolicyArea::Nation.number();
    let province = match &caller.principal {
        Principal::Province(province) => Some(*province),
        Principal::Terminal { district, .. } => district.province(),
        Principal::Centre(_) | Principal::System => return Filter::default(),
        Principal::Public(_) => None,
    };
    let own = caller.district().filter(|own| !own.is_provinces());
    let own = own.map(District::number);
    let province = province.map(|province| i32::from(province.number()));
    Filter {
        areas: Some(
            [Some(nation), province, own]
                .into_iter()
                .flatten()
                .collect(),
        ),
        // Whoever has a district has no others.
        province: province.filter(|_| own.is_none()),
        in_force_on: None,
    }
}
