//! Gauges that are read when metrics are sent: pools, streams, the feed's lag, chores.
//!
//! What is easily got wrong: OpenTelemetry never forgets a callback, so an owner registered there directly would be kept
//! alive, and read, after it has stopped. Owners register here and hold a [`Gauge`]; when that is dropped, its readings
//! end. Owners may come before the collector is set up, and several may share a name.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use opentelemetry::{KeyValue, metrics::Meter};

/// One value, with the labels that tell it from others of the same name. Labels come from fixed lists.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    pub value: f64,
    pub labels: Vec<(&'static str, String)>,
}

/// Keeps a reading function registered.
#[must_use = "the readings end when this is dropped"]
pub struct Gauge {
    name: &'static str,
    owner: u64,
}

type Read = Arc<dyn Fn() -> Vec<Reading> + Send + Sync>;

struct Family {
    unit: &'static str,
    owners: Vec<(u64, Read)>,
    /// Whether the meter has an instrument of this name.
    shown: bool,
}

struct Registry {
    meter: Option<Meter>,
    families: BTreeMap<&'static str, Family>,
    last_owner: u64,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    meter: None,
    families: BTreeMap::new(),
    last_owner: 0,
});

/// Registers `read` under `name`, for example `ektp.pool.connections`. It is called every few seconds on the exporter's
/// thread and must neither block nor register another gauge.
pub fn gauge(
    name: &'static str,
    unit: &'static str,
    read: impl Fn() -> Vec<Reading> + Send + Sync + 'static,
) -> Gauge {
    let mut registry = registry();
    registry.last_owner += 1;
    let owner = registry.last_owner;
    registry
        .families
        .entry(name)
        .or_insert_with(|| Family {
            unit,
            owners: Vec::new(),
            shown: false,
        })
        .owners
        .push((owner, Arc::new(read)));
    show(registry);
    Gauge { name, owner }
}

pub(super) fn install(meter: Meter) {
    let mut registry = registry();
    registry.meter = Some(meter);
    show(registry);
}

impl Drop for Gauge {
    fn drop(&mut self) {
        let removed = registry().families.get_mut(self.name).and_then(|family| {
            let place = family.owners.iter().position(|(id, _)| *id == self.owner)?;
            Some(family.owners.swap_remove(place))
        });
        // The owner's function, with all it holds, goes only now that the registry is free again.
        drop(removed);
    }
}

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the missing instruments. The lock is given back first: the meter has one of its own, which it holds while it
/// calls [`read_all`], and two locks taken in both orders would block for ever.
fn show(mut registry: MutexGuard<'static, Registry>) {
    let Some(meter) = registry.meter.clone() else {
        return;
    };
    let mut missing = Vec::new();
    for (name, family) in &mut registry.families {
        if !family.shown {
            family.shown = true;
            missing.push((*name, family.unit));
        }
    }
    drop(registry);
    for (name, unit) in missing {
        meter
            .f64_observable_gauge(name)
            .with_unit(unit)
            .with_callback(move |observer| {
                for reading in read_all(name) {
                    let labels: Vec<KeyValue> = reading
                        .labels
                        .into_iter()
                        .map(|(label, value)| KeyValue::new(label, value))
                        .collect();
                    observer.observe(reading.value, &labels);
                }
            })
            .build();
    }
}

fn read_all(name: &str) -> Vec<Reading> {
    let owners: Vec<Read> = registry()
        .families
        .get(name)
        .map(|family| {
            family
                .owners
                .iter()
                .map(|(_, read)| Arc::clone(read))
                .collect()
        })
        .unwrap_or_default();
    owners.iter().flat_map(|read| read()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(value: f64) -> Reading {
        Reading {
            value,
            labels: vec![("server", "a".to_owned())],
        }
    }

    #[test]
    fn a_gauge_is_read_as_long_as_its_owner_lives() {
        let first = gauge("ektp.test.owners", "1", || vec![reading(1.0)]);
        let second = gauge("ektp.test.owners", "1", || vec![reading(2.0)]);
        assert_eq!(read_all("ektp.test.owners"), [reading(1.0), reading(2.0)]);
        drop(first);
        assert_eq!(read_all("ektp.test.owners"), [reading(2.0)]);
        drop(second);
        assert_eq!(read_all("ektp.test.owners"), []);
    }
}
