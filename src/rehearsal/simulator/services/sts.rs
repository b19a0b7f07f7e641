//! STS.

use super::super::wire::{Failure, Value, map};
use super::super::world::World;

pub(super) fn answer(world: &World, operation: &str) -> Option<Result<Value, Failure>> {
    (operation == "GetCallerIdentity").then(|| {
        Ok(map! {
            "UserId": "AROAREHEARSAL:responder",
            "Account": world.scenario.account.as_str(),
            "Arn": format!("arn:aws:sts::{}:assumed-role/responder/rehearsal", world.scenario.account),
        })
    })
}
