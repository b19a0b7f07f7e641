//! STS.

use super::super::wire::{Call, Failure, Value, map};
use super::super::world::World;

pub(super) fn answer(world: &World, call: &Call) -> Option<Result<Value, Failure>> {
    (call.operation == "GetCallerIdentity").then(|| {
        let account = world.scenario.account.as_str();
        let usual = || format!("arn:aws:sts::{account}:assumed-role/responder/rehearsal");
        Ok(map! {
            "UserId": "AROAREHEARSAL:responder",
            "Account": account,
            "Arn": call.caller.clone().unwrap_or_else(usual),
        })
    })
}
