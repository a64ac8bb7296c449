//! Some cards of every printer, printed one after the other through a tapped line: what the server sent for each act.

use uuid::Uuid;

use super::super::{
    office::Office,
    printer::{ACTS, Printer, chip, refused},
    replay::{self, Acted, Chosen, RECORDED, Recording, Tap, WARM_UP},
};
use crate::cli::Failure;

/// Records every printer.
pub async fn record(office: &Office) -> Result<Vec<Recording>, Failure> {
    let serving = office.home().serving();
    let tap = Tap::open(office.home().folder(), &serving)?;
    let server = office.serve(tap.options(&serving)).await?;
    let printed = print(office.printers(&server)?).await;
    server.drain().await;
    replay::recordings(office.home(), &tap, printed?).await
}

async fn print(printers: Vec<Printer>) -> Result<Vec<Vec<Acted>>, Failure> {
    let mut all = Vec::new();
    for (place, mut printer) in printers.into_iter().enumerate() {
        let before = if place == 0 { WARM_UP } else { 0 };
        let mut cards = Vec::new();
        for number in 0..before + RECORDED {
            let card = print_one(&mut printer).await?;
            if number >= before {
                cards.push(card);
            }
        }
        all.push(cards);
    }
    Ok(all)
}

async fn print_one(printer: &mut Printer) -> Result<Acted, Failure> {
    let ids = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
    let leases = printer.lease(ids[0], 1).await.map_err(refused)?;
    let held = printer.take_blanks(leases);
    let Some(serial) = held.first().map(|(_, serial)| *serial) else {
        return Err(Failure::Call(
            "the queue was empty while acts were recorded".to_owned(),
        ));
    };
    printer.bind(ids[1], &held).await.map_err(refused)?;
    printer.report(ids[2], &held).await.map_err(refused)?;
    let blank = Chosen {
        sql: ":serial".to_owned(),
        value: serial.to_string(),
    };
    Ok(Acted {
        chosen: vec![blank, chosen_chip(printer.district, serial)],
        acts: ACTS.into_iter().zip(ids).collect(),
    })
}

/// As [`chip`] makes it: the district's digits before the serial's ten.
fn chosen_chip(district: i32, serial: i64) -> Chosen {
    let value = chip(district, serial);
    let prefix = &value[..value.len() - 10];
    Chosen {
        sql: format!("('{prefix}' || lpad(upper(to_hex(:serial::bigint)), 10, '0'))"),
        value,
    }
}
