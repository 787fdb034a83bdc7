//! Calls and servers that fail at every point, under virtual time, by chance that can be repeated.
//!
//! Each world has some servers, some policies and up to 50 calls that share a client; what happens in it follows from its seed
//! alone. After each step the laws of `laws.rs` are checked. A failing world prints its seed; to see it again:
//!
//! ```text
//! SIMULATION_SEED=1234 cargo test --test simulation -- --nocapture
//! ```
//!
//! `SIMULATION_CALLS` sets how many calls are made in all; 100,000 by default.

// As a test of `tests/hosts`.
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
#[macro_use]
extern crate tabbyapi_hosts;

mod chance;
mod laws;
mod operations;
mod server;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use world::{Tally, World};

const CALLS: u64 = 100_000;

#[test]
fn no_world_breaks_a_law() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    if let Some(seed) = number("SIMULATION_SEED") {
        let mut world = World::new(seed, true);
        world.run();
        println!("{:#?}", world.tally());
        return;
    }
    let calls = number("SIMULATION_CALLS").unwrap_or(CALLS);
    let mut all = Tally::default();
    for seed in 1.. {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut world = World::new(seed, false);
            world.run();
            world.tally()
        }));
        match outcome {
            Ok(tally) => all.add(&tally),
            Err(_) => panic!("the world of seed {seed} broke a law; SIMULATION_SEED={seed} shows its course"),
        }
        if all.calls >= calls {
            break;
        }
    }
    println!("{all:#?}");
    all.assert_rich();
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in [3, 77, 1234] {
        let run = || {
            let mut world = World::new(seed, false);
            world.run();
            (world.tally(), world.course())
        };
        assert_eq!(run(), run());
    }
}
