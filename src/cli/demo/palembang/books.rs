//! The books at the end: every store's account, the signed certificate that all adds up, and what the public is told.
//!
//! What is easily got wrong: the certificate is checked as a stranger would check it, from its text and the key alone.

use time::Date;

use crate::{
    audit::PublicKey,
    cli::{
        Failure,
        client::{Line, Terminal},
        demo::{office::Office, staff::Leaders},
        host::Host,
    },
    hex,
    ids::District,
    inventory::proof::{Figures, Signed},
    proto::{
        CertifyConservationRequest, CertifyConservationResponse, CustodyState, DaysToEmpty,
        GetCertificationKeyRequest, GetStockRequest, GetStockResponse, Stock,
        inventory_client::InventoryClient,
    },
};

/// What the books say.
pub struct Books {
    /// The centre's account, the city's own store's, and those of the subdistricts' stores.
    pub centre: Stock,
    pub city: Stock,
    pub stores: Vec<Stock>,
    /// How long the blanks of all the city's stores last.
    pub lasting: Option<DaysToEmpty>,
    pub certificate: CertifyConservationResponse,
    /// Whether the certificate stands its check with the key that everybody may ask for.
    pub is_genuine: bool,
    /// The public statement of the day, and its signed text.
    pub figures: Figures,
    pub statement: String,
}

impl Books {
    /// How many serials the certificate has in a state.
    pub fn certified(&self, state: CustodyState) -> u64 {
        let totals = self.certificate.totals.iter();
        totals
            .filter(|total| total.state() == state)
            .map(|total| total.quantity)
            .sum()
    }

    /// All accounts.
    pub fn accounts(&self) -> impl Iterator<Item = &Stock> {
        [&self.centre, &self.city].into_iter().chain(&self.stores)
    }

    /// A sum over the city's own accounts.
    pub fn sum(&self, of: impl Fn(&Stock) -> u64) -> u64 {
        of(&self.city) + self.stores.iter().map(of).sum::<u64>()
    }
}

/// Closes the books of a day.
pub async fn close(
    host: &Host,
    office: &Office,
    leaders: &Leaders,
    day: Date,
) -> Result<Books, Failure> {
    let (keeper, district) = (&office.stockkeeper, office.place.district);
    let centre = account(&office.store, "centre").await?;
    let city = account(keeper, district).await?;
    let mut stores = Vec::with_capacity(office.place.subdistricts.len());
    for subdistrict in office.place.subdistricts {
        stores.push(
            account(keeper, subdistrict)
                .await?
                .stock
                .unwrap_or_default(),
        );
    }
    let request = CertifyConservationRequest {
        scope: district.to_owned(),
    };
    let certify = |mut client: InventoryClient<Line>, request| async move {
        client.certify_conservation(request).await
    };
    let certificate = leaders.auditor.inventory(request, certify).await?;
    let ask = |mut client: InventoryClient<Line>, request| async move {
        client.get_certification_key(request).await
    };
    let told = office
        .unstaffed
        .inventory(GetCertificationKeyRequest {}, ask);
    let key: Option<PublicKey> = hex::decode_exact(&told.await?.public_key);
    let is_genuine = key.is_some_and(|key| Signed::read(&certificate.file, Some(&key)).is_ok());
    let code: District = district.parse().expect("the place's code is a district's");
    let stated = host.statement((code, day)).await?;
    let (statement, text) = stated.ok_or_else(|| Failure::Call(format!("{day} has not begun")))?;
    Ok(Books {
        centre: centre.stock.unwrap_or_default(),
        lasting: city.days_to_empty,
        city: city.stock.unwrap_or_default(),
        stores,
        certificate,
        is_genuine,
        figures: statement.figures,
        statement: text,
    })
}

async fn account(terminal: &Terminal, location: &str) -> Result<GetStockResponse, Failure> {
    let request = GetStockRequest {
        location: location.to_owned(),
    };
    let call =
        |mut client: InventoryClient<Line>, request| async move { client.get_stock(request).await };
    Ok(terminal.inventory(request, call).await?)
}
