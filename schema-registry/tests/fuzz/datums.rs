//! Damaged datums.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use fastrand::Rng;
use thalweg_core::avro::Decoder;
use thalweg_core::batch::Columns;

use crate::Reader;
use crate::mutate::mutate;
use crate::schemas::{Flavour, Maker, pick};

/// Plans that datums are read with.
const PLANS: u64 = 300;

/// Memory that a datum may take, and what each of its bytes may take besides: a byte can be
/// an element that brings the defaults of a reader.
const BYTES_MAX: usize = 32 << 20;
const BYTES_PER_BYTE_MAX: usize = 4 << 10;

fn text(rng: &mut Rng) -> String {
    Maker::new(rng, Flavour::Data).schema().to_string()
}

/// Bytes that make sense in many schemas: small numbers, texts, ends of lists.
fn samples() -> Vec<Vec<u8>> {
    let small = |seed: u64| {
        let mut rng = Rng::with_seed(seed);
        let of = [0, 0, 1, 2, 2, 3, 4, 6, 8, b'a', b'b', 0x80, 0xff];
        (0..rng.usize(1..80)).map(|_| pick(&mut rng, &of)).collect()
    };
    (0..200).map(small).collect()
}

fn target(plans: Vec<Decoder>) -> Reader {
    let samples = samples();
    assert!(plans.len() > 100, "{} plans", plans.len());
    // What a plan holds can't be changed.
    let plans = AssertUnwindSafe(plans);
    Box::new(move |rng| {
        let plan = &plans[rng.usize(..plans.len())];
        let mut datum = pick(rng, &samples);
        if rng.bool() {
            mutate(rng, &samples, &mut datum);
        }
        let mut rows = Columns::new(Arc::clone(plan.layout()));
        match plan.decode(&datum, &mut rows) {
            Ok(()) => {
                assert_eq!(rows.rows(), 1);
                drop(rows.value(0));
            }
            Err(error) => {
                assert_eq!(rows.rows(), 0);
                assert!(error.at <= datum.len());
            }
        }
        assert!(rows.size() <= BYTES_MAX + datum.len() * BYTES_PER_BYTE_MAX, "{}", rows.size());
    })
}

pub(crate) fn decoder() -> Reader {
    let plans = (0..PLANS).filter_map(|seed| Decoder::new(&text(&mut Rng::with_seed(seed))).ok());
    target(plans.collect())
}

pub(crate) fn resolver() -> Reader {
    let plan = |seed: u64| {
        let rng = &mut Rng::with_seed(seed);
        let writer = Maker::new(rng, Flavour::Data).schema();
        let reader = crate::changes::changed(rng, &writer, Flavour::Data);
        Decoder::resolving(&writer.to_string(), &reader.to_string()).ok()
    };
    target((0..PLANS).filter_map(plan).collect())
}
